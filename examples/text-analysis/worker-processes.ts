import { spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/** The worker processes of this example, as their log tells of them. */
export interface WorkerProcesses {
  /** Resolves when all of them are ready. */
  readonly ready: Promise<void>
  /** Process ids of those that are ready, oldest first. */
  readonly pids: readonly number[]
  /** How many processes have been started over all. */
  readonly started: number
  /** Calls back when one begins a task. */
  onTask(listener: (pid: number) => void): void
  stop(): Promise<void>
}

interface LogLine {
  readonly msg: string
  readonly level: string
  readonly pid: number
  readonly child?: number
}

const here = dirname(fileURLToPath(import.meta.url))

/** Starts `taskwright worker` as a user does, and reads its log. */
export function startWorkers(count: number): WorkerProcesses {
  const home = dirname(createRequire(import.meta.url).resolve('taskwright/package.json'))
  const { bin } = createRequire(import.meta.url)('taskwright/package.json') as {
    bin: { taskwright: string }
  }
  const flags = [
    `--workers=${count}`,
    '--concurrency=2',
    '--prefetch=1',
    // Short, so that the tasks of the process that is killed come back while you watch.
    '--lease=3s',
    '--log-format=json',
    '--log-level=debug',
  ]
  const cli = spawn(
    process.execPath,
    [
      join(home, bin.taskwright),
      'worker',
      join(here, 'broker.ts:broker'),
      join(here, 'tasks.ts'),
      ...flags,
    ],
    { stdio: ['ignore', 'inherit', 'pipe'] },
  )
  const ended = new Promise<void>((resolve) => cli.once('exit', () => resolve()))
  const pids: number[] = []
  const listeners: ((pid: number) => void)[] = []
  let started = 0
  const ready = new Promise<void>((resolve, reject) => {
    createInterface({ input: cli.stderr }).on('line', (text) => {
      const line = parse(text)
      if (line === undefined) console.error(text)
      else if (line.msg === 'ready' && line.child !== undefined) {
        pids.push(line.child)
        started++
        if (started === count) resolve()
      } else if (line.msg === 'task started') {
        for (const listener of listeners) listener(line.pid)
      } else if (line.level === 'error' && !line.msg.startsWith('died: SIGKILL')) {
        console.error(`\n  ${line.msg}`)
      }
    })
    cli.once('exit', (code) => reject(new Error(`the workers ended with exit code ${code}`)))
  })
  return {
    ready,
    pids,
    get started() {
      return started
    },
    onTask: (listener) => void listeners.push(listener),
    async stop() {
      cli.kill('SIGTERM')
      await ended
    },
  }
}

function parse(text: string): LogLine | undefined {
  try {
    return JSON.parse(text) as LogLine
  } catch {
    return undefined
  }
}
