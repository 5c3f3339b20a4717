import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { broker } from '../../src/broker.ts'
import { startProcess, taskwright, type DemoProcess } from '../../src/demo/processes.ts'
import type { TaskRun } from '../../src/metrics/task-metrics.ts'
import type { Crew, EndedTask, TaskName } from '../crew.ts'
import { killFile, runsFile } from './crew-files.ts'

const file = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

/** How long what is to do may take, in milliseconds. */
const patience = 40_000

/**
 * Two worker processes on a real Redis, started by the command line, as in production. They write down what
 * they run; what became of it is asked of the store.
 */
export class RedisCrew implements Crew {
  readonly #folder: string
  readonly #process: DemoProcess
  readonly #log: string[]
  readonly #planned: string[] = []
  #ended: readonly EndedTask[] = []
  /** Runs before this one are of an earlier stage. */
  #first = 0

  private constructor(folder: string, process: DemoProcess, log: string[]) {
    this.#folder = folder
    this.#process = process
    this.#log = log
  }

  /** Resolves when both work. */
  static async start(folder: string, env: Readonly<Record<string, string>>): Promise<RedisCrew> {
    const log: string[] = []
    const modules = ['../../src/tasks/all.ts', './worker.ts'].map(file)
    const flags = [
      '--workers=2',
      '--concurrency=8',
      '--lease=2s',
      '--shutdown-timeout=2s',
      '--log-format=json',
    ]
    const workers = startProcess({
      name: 'the workers',
      args: taskwright('worker', `${file('../../src/broker.ts')}:broker`, ...modules, ...flags),
      env: { ...env, CREW_FOLDER: folder },
      readyAt: /"msg":"ready"/,
      readyLines: 2,
      onLine: (line) => log.push(line),
    })
    await workers.ready
    return new RedisCrew(folder, workers, log)
  }

  /** Forgets what was. */
  reset(): void {
    this.#first = this.#runs().length
    this.#ended = []
    this.#planned.length = 0
  }

  async drain(): Promise<void> {
    for (const begun = performance.now(); ;) {
      const queues = await broker.inspector.queues()
      const left = queues.reduce((sum, one) => sum + one.queued + one.scheduled + one.running, 0)
      if (left === 0) break
      if (performance.now() - begun > patience)
        throw new Error(`${left} messages are left:\n${this.#log.slice(-30).join('\n')}`)
      await pause(20)
    }
    const last = new Map<string, TaskRun>()
    for (const run of this.#runs().slice(this.#first)) {
      // In the order of their last runs.
      last.delete(run.id)
      last.set(run.id, run)
    }
    this.#ended = await Promise.all([...last.values()].map(endOf))
  }

  idle(): Promise<void> {
    return this.drain()
  }

  settled(task?: TaskName): readonly EndedTask[] {
    return this.#ended.filter((ended) => task === undefined || ended.task === task.name)
  }

  get failures(): readonly EndedTask[] {
    return this.#ended.filter(({ status }) => status !== 'succeeded')
  }

  sent(task?: TaskName): readonly Pick<EndedTask, 'task' | 'args'>[] {
    const first = new Map(
      this.#runs()
        .slice(this.#first)
        .toReversed()
        .map((run) => [run.id, run]),
    )
    return [...first.values()].filter((run) => task === undefined || run.task === task.name)
  }

  /** A worker process gets SIGKILL when it has run this task to its end, and before anybody is told. */
  killIn(task: string): void {
    this.#planned.push(task)
    writeFileSync(killFile(this.#folder, task), '')
  }

  get killsToCome(): readonly string[] {
    return this.#planned.filter((task) => existsSync(killFile(this.#folder, task)))
  }

  stop(): Promise<void> {
    return this.#process.stop()
  }

  #runs(): TaskRun[] {
    const path = runsFile(this.#folder)
    if (!existsSync(path)) return []
    const lines = readFileSync(path, 'utf8').split('\n')
    return lines.slice(0, -1).map((line) => JSON.parse(line) as TaskRun)
  }
}

/** What became of a message, by its last run and by what the store says. */
async function endOf({ id, task, args, attempt }: TaskRun): Promise<EndedTask> {
  const handle = broker.handle(id)
  const status = (await handle.status()) ?? 'forgotten'
  if (status === 'succeeded') return { task, args, attempt, status }
  const { error } = await handle.waitResult({ timeout: 1000 })
  return { task, args, attempt, status, error }
}
