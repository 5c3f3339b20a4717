import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { standInEnvironment } from '../stand-ins/environment.ts'
import { ownRedis } from './own-redis.ts'
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
    let queue: string = broker
    if (broker === 'sqlite') queue = `sqlite:${join(folder, 'tasks.db')}`
    if (broker === 'redis') {
      const redis = await ownRedis(join(folder, 'redis'))
      queue = redis.url
      await start(redis.options)
    }
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
      readyAt: /"msg":"ready"/,
      readyLines: 2,
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
    await workers.ready
    const url = line.replace('listening on ', '')
    return { url, standIns, processes: running.map(({ name }) => name), workers: pids, stop }
  } catch (error) {
    await stop()
    throw error
  }
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
