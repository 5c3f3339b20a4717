import { spawn, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import type { Program } from './program.ts'
import type { Ledger } from './worker/ledger.ts'
import type { WorkerPlan } from './worker/worker-plan.ts'

/** How `taskwright worker` is started. */
export interface CliOptions {
  readonly program: Program
  readonly ledger: Ledger
  readonly plan: Pick<WorkerPlan, 'ledger' | 'transport' | 'join'>
  /** Beside those that every run has. */
  readonly flags: readonly string[]
}

/** How it ended, and after how long. */
export interface CliEnd {
  readonly how: string
  readonly milliseconds: number
}

interface LogLine {
  readonly msg?: string
  readonly child?: number
}

/** The real command line with its worker processes, which it starts, drains and kills by itself. */
export class CliWorkers {
  readonly #child: ChildProcess
  readonly #ledger: Ledger
  readonly #gone: Promise<string>
  readonly #lines: LogLine[] = []
  readonly #listeners = new Set<() => void>()
  readonly #buried = new Set<number>()
  #rest = ''
  #over = false

  constructor({ program, ledger, plan, flags }: CliOptions) {
    this.#ledger = ledger
    const main = join(program.folder, 'node_modules/taskwright/dist/lib/main.js')
    const args = ['worker', 'cli-broker.js:broker', '--log-format=json', '--log-level=debug']
    const child = spawn(process.execPath, [main, ...args, ...flags], {
      cwd: program.folder,
      env: {
        PATH: process.env['PATH'],
        HOME: process.env['HOME'],
        FAULT_PLAN: JSON.stringify(plan),
      },
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    this.#child = child
    child.stderr?.setEncoding('utf8').on('data', (text: string) => this.#read(text))
    this.#gone = new Promise((resolve) => {
      // All that it said has been read then.
      child.once('close', (code, signal) => {
        this.#over = true
        this.#buryRest()
        this.#tell()
        resolve(signal ?? `exit ${code}`)
      })
    })
  }

  get pid(): number {
    return this.#child.pid ?? Number.NaN
  }

  /** Its worker processes that were ready at any time. */
  get children(): readonly number[] {
    return this.#lines.flatMap(({ msg, child }) =>
      msg === 'ready' && child !== undefined ? [child] : [],
    )
  }

  /** How many of its lines say so. */
  count(said: RegExp): number {
    return this.#lines.filter(({ msg = '' }) => said.test(msg)).length
  }

  /** Resolves when so many of its lines say so. */
  until(said: RegExp, count = 1): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        if (this.count(said) >= count) resolve()
        else if (this.#over) reject(new Error(`it ended before it said ${said}: ${this.tail}`))
        else return
        this.#listeners.delete(look)
      }
      this.#listeners.add(look)
      look()
    })
  }

  /** The end of what it said. */
  get tail(): string {
    return this.#lines
      .slice(-10)
      .map((line) => JSON.stringify(line))
      .join('\n')
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  /** Waits for its end. */
  async end(): Promise<CliEnd> {
    const begun = performance.now()
    const how = await this.#gone
    return { how, milliseconds: Math.round(performance.now() - begun) }
  }

  #read(text: string): void {
    const lines = (this.#rest + text).split('\n')
    this.#rest = lines.pop() ?? ''
    for (const line of lines) {
      const read = readLine(line)
      this.#lines.push(read)
      const { msg = '', child } = read
      const death = /(?:died(?: while it drained)?|ended)(?:: (.*?)(?:;|$))?/.exec(msg)
      if (death === null || child === undefined) continue
      this.#bury(child, death[1] ?? 'exit 0')
    }
    this.#tell()
  }

  #bury(child: number, how: string): void {
    this.#buried.add(child)
    this.#ledger.write({ kind: 'gone', target: child, how })
  }

  /** Whoever is told to stop for the third time kills its children, and says no more. */
  #buryRest(): void {
    for (const child of this.children) if (!this.#buried.has(child)) this.#bury(child, 'SIGKILL')
  }

  #tell(): void {
    for (const listener of this.#listeners) listener()
  }
}

function readLine(line: string): LogLine {
  try {
    return JSON.parse(line) as LogLine
  } catch {
    return { msg: line }
  }
}
