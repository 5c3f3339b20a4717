import { mkdir } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { standInEnvironment } from '../stand-ins/environment.ts'
import {
  script,
  startProcess,
  taskwright,
  type DemoProcess,
  type ProcessOptions,
} from './processes.ts'

/** Everything that runs in the demonstration. */
export interface DemoWorld {
  /** Of the application. */
  readonly url: string
  readonly standIns: string
  readonly processes: readonly string[]
  /** Process ids of the workers that are ready, the newest last. */
  readonly workers: readonly number[]
  stop(): Promise<void>
}

export interface DemoOptions {
  /** Everything that is written, goes here. */
  readonly folder: string
  readonly port: number
  /** More of the environment. */
  readonly env?: Readonly<Record<string, string>> | undefined
  /** Where the queue is: a file in the folder, a Redis of its own, or the one at a URL. */
  readonly broker: 'sqlite' | 'redis' | `redis:${string}` | `rediss:${string}`
  /** How long what a dead worker held stays its own. */
  readonly lease: string
  /** Told of each task that a worker begins, with the worker's process id. */
  readonly onTask: (task: string, pid: number) => void
  readonly onProblem: (line: string) => void
}

const src = fileURLToPath(new URL('../', import.meta.url))

/** Starts the stand-ins, the application, two workers and the scheduler: each a process of its own. */
export async function startWorld(options: DemoOptions): Promise<DemoWorld> {
  const { folder, port, broker, lease, onTask, onProblem } = options
  const running: DemoProcess[] = []
  const stop = async (): Promise<void> => {
    for (const process of running.toReversed()) await process.stop()
  }
  const start = async (given: ProcessOptions): Promise<string> => {
    const process = startProcess(given)
    running.push(process)
    return process.ready
  }
  try {
    const standIns = await start({
      name: 'the stand-ins',
      args: script('stand-ins/main.ts', join(folder, 'objects')),
      env: {},
      readyAt: /^http:/,
    })
    const queue =
      broker === 'sqlite'
        ? `sqlite:${join(folder, 'tasks.db')}`
        : broker === 'redis'
          ? await ownRedis(folder, start)
          : broker
    const env = {
      ...standInEnvironment(standIns),
      DATA_DIR: join(folder, 'data'),
      DATABASE_URL: `sqlite:${join(folder, 'reflector.db')}`,
      TASKWRIGHT_URL: queue,
      SQS_POLLING_TIMEOUT_SECONDS: '2',
      WORKER_SLOTS: '16',
      ...options.env,
    }
    const line = await start({
      name: 'the application',
      args: script('api/main.ts', String(port)),
      env,
      readyAt: /^listening on /,
      onLine: (text) => !text.startsWith('listening') && onProblem(text),
    })
    const log = ['--log-format', 'json', '--log-level', 'debug']
    const files = [`${join(src, 'broker.ts')}:broker`, join(src, 'tasks/all.ts')]
    const pids: number[] = []
    const workers = startProcess({
      name: 'the workers',
      args: taskwright(
        'worker',
        ...files,
        '--workers=2',
        '--concurrency=8',
        `--lease=${lease}`,
        ...log,
      ),
      env,
      readyAt: /"msg":"all ready"/,
      onLine: (text) => readLog(text, { onTask, onProblem, onReady: (pid) => pids.push(pid) }),
    })
    running.push(workers)
    const scheduler = startProcess({
      name: 'the scheduler',
      args: taskwright('scheduler', `${join(src, 'schedule.ts')}:scheduler`, ...log),
      env,
      readyAt: /scheduler started/,
    })
    running.push(scheduler)
    await scheduler.ready
    await Promise.race([until(() => pids.length === 2), workers.ready])
    const url = line.replace('listening on ', '')
    return { url, standIns, processes: running.map(({ name }) => name), workers: pids, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

/** A Redis on a port that is free, which keeps what it has in the folder. Its URL. */
async function ownRedis(
  folder: string,
  start: (options: ProcessOptions) => Promise<string>,
): Promise<string> {
  const port = await freePort()
  const dir = join(folder, 'redis')
  await mkdir(dir)
  await start({
    name: 'Redis',
    program: 'redis-server',
    args: [
      '--port',
      String(port),
      '--bind',
      '127.0.0.1',
      '--save',
      '',
      '--appendonly',
      'yes',
      '--dir',
      dir,
    ],
    env: {},
    readyAt: /Ready to accept connections/,
  })
  return `redis://127.0.0.1:${port}`
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo
      server.close(() => resolve(port))
    })
  })
}

interface LogLine {
  readonly msg?: string
  readonly level?: string
  readonly task?: string
  readonly pid?: number
  readonly child?: number
}

function readLog(
  text: string,
  told: {
    onTask: (task: string, pid: number) => void
    onProblem: (line: string) => void
    onReady: (pid: number) => void
  },
): void {
  let line: LogLine
  try {
    line = JSON.parse(text) as LogLine
  } catch {
    told.onProblem(text)
    return
  }
  if (line.msg === 'ready') told.onReady(line.child ?? 0)
  else if (line.msg === 'task started' && line.task !== undefined)
    told.onTask(line.task, line.pid ?? 0)
  else if (line.level === 'error' && !line.msg?.startsWith('died: SIGKILL')) told.onProblem(text)
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 50))
}
