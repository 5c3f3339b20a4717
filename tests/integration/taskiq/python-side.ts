import { spawn, type ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const program = fileURLToPath(new URL('program.py', import.meta.url))

/** How the Python program is set up. */
export interface PythonSettings {
  readonly url: string
  readonly queue: string
  /** `prefix_str` of its result backend. */
  readonly prefix?: string
  readonly broker?: 'stream' | 'list' | 'pubsub'
  readonly serializer?: string
  /** The serializer of its results. Absent: what taskiq-redis has by default. */
  readonly results?: string
  /** Milliseconds after which it takes what another consumer holds. */
  readonly idle_timeout?: number
  /** Seconds after which its lock for that ends. */
  readonly lock_timeout?: number
}

/** An error as Python has it. */
export interface PythonError {
  readonly type: string
  readonly module: string
  readonly bases: readonly string[]
  readonly args: readonly unknown[]
  readonly cause: PythonError | null
  readonly context: PythonError | null
}

/** A result as Python has it. */
export interface PythonResult {
  readonly is_err: boolean
  readonly return_value: unknown
  readonly execution_time: number
  readonly labels: Readonly<Record<string, unknown>>
  readonly error: PythonError | null
  readonly log: string | null
}

interface Waiting {
  readonly resolve: (value: unknown) => void
  readonly reject: (error: Error) => void
}

/** A Python program with TaskIQ in it, which sends, works and looks as it is told. */
export class PythonSide {
  readonly #child: ChildProcess
  readonly #waiting = new Map<number, Waiting>()
  #last = 0
  #errors = ''

  private constructor(child: ChildProcess) {
    this.#child = child
    child.stderr?.on('data', (text) => (this.#errors = `${this.#errors}${text}`.slice(-8000)))
    if (child.stdout !== null) {
      createInterface({ input: child.stdout }).on('line', (line) => this.#heard(line))
    }
    child.once('exit', () => {
      for (const { reject } of this.#waiting.values()) {
        reject(new Error(`the Python program has ended:\n${this.#errors}`))
      }
      this.#waiting.clear()
    })
  }

  /** Starts it; resolves when it takes orders. */
  static async start(python: string, settings: PythonSettings): Promise<PythonSide> {
    const child = spawn(python, [program, JSON.stringify(settings)], {
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    const side = new PythonSide(child)
    await side.#answer(0)
    return side
  }

  /** What it has written to stderr. */
  get log(): string {
    return this.#errors
  }

  /** Sends a message; its id. */
  kiq(
    task: string,
    call: {
      args?: readonly unknown[]
      kwargs?: Readonly<Record<string, unknown>>
      labels?: Readonly<Record<string, unknown>>
      task_id?: string
    } = {},
  ): Promise<string> {
    return this.tell('kiq', { task, ...call }) as Promise<string>
  }

  /** Waits for a result. */
  result(id: string): Promise<PythonResult> {
    return this.tell('result', { task_id: id }) as Promise<PythonResult>
  }

  /** Starts its worker. */
  async work(slots = 20): Promise<void> {
    await this.tell('work', { slots })
  }

  /** Gives an order; its answer. */
  tell(order: string, details: Readonly<Record<string, unknown>> = {}): Promise<unknown> {
    const id = ++this.#last
    const answer = this.#answer(id)
    this.#child.stdin?.write(`${JSON.stringify({ ...details, do: order, id })}\n`)
    return answer
  }

  /** Kills it; resolves when it is gone. */
  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const gone = new Promise((resolve) => this.#child.once('exit', resolve))
    this.#child.kill('SIGKILL')
    await gone
  }

  #answer(id: number): Promise<unknown> {
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }))
  }

  #heard(line: string): void {
    const answer = JSON.parse(line) as { id: number; value?: unknown; error?: string }
    const waiting = this.#waiting.get(answer.id)
    this.#waiting.delete(answer.id)
    if (answer.error === undefined) waiting?.resolve(answer.value)
    else waiting?.reject(new Error(`Python: ${answer.error}`))
  }
}
