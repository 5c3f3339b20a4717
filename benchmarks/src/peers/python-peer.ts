import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { ServeOrder, Serving, Subject } from '../subject.ts'

const folder = fileURLToPath(new URL('../../python', import.meta.url))
const bin = fileURLToPath(new URL('../../node_modules/.python/bin', import.meta.url))

/** A peer in Python: a program that sends, and a worker that tells us of each task over a socket. */
export interface PythonPeer {
  /** The file with the task; run by itself, it sends. */
  readonly module: string
  /** The program of the worker, and its arguments. */
  readonly worker: (order: ServeOrder) => readonly [program: string, ...args: readonly string[]]
}

/** Opens it. The programs are those of the virtual environment that scripts/bench.mjs makes. */
export function pythonSubject({ module, worker }: PythonPeer, place: string): Subject {
  let sender: ChildProcess | undefined
  const answers = new Map<string, { resolve: () => void; reject: (error: Error) => void }>()
  let flows = 0
  /** Writes a line and waits for the one that answers it. */
  const ask = (line: string, answer: string): Promise<void> =>
    new Promise((resolve, reject) => {
      answers.set(answer, { resolve, reject })
      sender ??= start()
      sender.stdin?.write(`${line}\n`)
    })
  const send = (count: number, text: string): Promise<void> => ask(`${count} ${text}`, 'sent')
  const start = (): ChildProcess => {
    const child = run('python', [`${module}.py`], { place, stdio: 'pipe' })
    const lines = createInterface({ input: child.stdout ?? process.stdin })
    lines.on('line', (line) => {
      answers.get(line)?.resolve()
      answers.delete(line)
    })
    lines.on('close', () => {
      for (const { reject } of answers.values()) reject(new Error(`${module} has ended`))
    })
    return child
  }
  return {
    send: (text) => send(1, text),
    sendTogether: (texts) => send(texts.length, texts[0] ?? ''),
    sendMany: (texts) => send(texts.length, texts[0] ?? ''),
    flow: ({ kind, steps }) => {
      const no = ++flows
      return ask(`flow ${no} ${kind} ${steps}`, `ended ${no}`)
    },
    serve: (order) => serve(order, { place, command: worker(order) }),
    async close() {
      sender?.stdin?.end()
      if (sender !== undefined && sender.exitCode === null) await once(sender, 'exit')
    },
  }
}

async function serve(
  order: ServeOrder,
  of: { place: string; command: readonly [string, ...(readonly string[])] },
): Promise<Serving> {
  let handled = 0
  const told = createServer((socket) => {
    createInterface({ input: socket }).on('line', (text) => {
      handled++
      order.onHandled(text)
    })
  })
  told.listen(0, '127.0.0.1')
  await once(told, 'listening')
  const { port } = told.address() as AddressInfo
  const [program, ...args] = of.command
  const more = { BENCH_TOLD: String(port), BENCH_SLEEP: String(order.sleep / 1000) }
  const child = run(program, args, { place: of.place, stdio: 'ignore', more })
  return {
    settled: () => handled,
    async stop() {
      // It may wait for its own time to end; nobody needs that here.
      child.kill('SIGTERM')
      const patience = setTimeout(() => killAll(child), 3000)
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
      clearTimeout(patience)
      told.close()
    },
  }
}

function run(
  program: string,
  args: readonly string[],
  of: { place: string; stdio: 'pipe' | 'ignore'; more?: Readonly<Record<string, string>> },
): ChildProcess {
  const env = { ...process.env, BENCH_PLACE: of.place, ...of.more }
  const stdio = [of.stdio, of.stdio, 'ignore'] as const
  // A group of its own, so that its children end with it.
  const child = spawn(`${bin}/${program}`, args, {
    cwd: folder,
    env,
    stdio: [...stdio],
    detached: of.stdio === 'ignore',
  })
  process.once('exit', () => killAll(child))
  return child
}

function killAll({ pid, exitCode }: ChildProcess): void {
  if (pid === undefined || exitCode !== null) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // It has ended, or has no group of its own and ends with its input.
  }
}
