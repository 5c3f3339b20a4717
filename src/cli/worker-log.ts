import type { Clock } from '../core/clock.ts'
import type { Logger } from '../core/logger.ts'
import type { TaskStatus } from '../core/states.ts'
import type { TaskFact, WorkerEvents } from '../worker/worker-events.ts'
import type { Worker } from '../worker/worker.ts'

/** What runs now, as the worker's events tell it. */
export interface RunningTasks {
  /** `analyse (0192…, 12 s)`, longest first, at most ten. */
  describe(): string
  readonly count: number
}

const verbs: Readonly<Record<TaskStatus, string>> = {
  succeeded: 'succeeded',
  failed: 'failed',
  retrying: 'failed and will be run again',
  cancelled: 'was cancelled',
  dead: 'was set aside',
  scheduled: 'was put back for later',
  queued: 'was given back',
  running: 'runs',
}

/** Writes a worker's events as log lines, and keeps account of what runs. */
export function logEvents(worker: Worker, logger: Logger, clock: Clock): RunningTasks {
  const running = new Map<string, { task: string; since: number }>()
  const fieldsOf = ({ id, task, queue, attempt }: TaskFact): object => ({
    task,
    id,
    queue,
    attempt,
  })
  worker.on('task-started', (fact) => {
    running.set(fact.id, { task: fact.task, since: clock.monotonic() })
    logger.debug('task started', { ...fieldsOf(fact) })
  })
  worker.on('task-settled', (event) => {
    running.delete(event.id)
    const level = levelOf(event.status)
    const took = { seconds: Number(event.seconds.toFixed(3)) }
    const detail = event.detail === undefined ? {} : { detail: event.detail }
    logger[level](`task ${verbs[event.status]}`, { ...fieldsOf(event), ...took, ...detail })
  })
  worker.on('task-lost', (fact) => {
    running.delete(fact.id)
    logger.warn('task lost: another worker may run it', { ...fieldsOf(fact) })
  })
  return {
    get count() {
      return worker.counts.running
    },
    describe() {
      const now = clock.monotonic()
      const longest = [...running].sort(([, a], [, b]) => a.since - b.since)
      const lines = longest
        .slice(0, 10)
        .map(
          ([id, { task, since }]) => `\n    ${task}  ${id}  ${Math.round((now - since) / 1000)} s`,
        )
      const more = longest.length > 10 ? `\n    and ${longest.length - 10} more` : ''
      return `${lines.join('')}${more}`
    },
  }
}

function levelOf(status: WorkerEvents['task-settled']['status']): 'info' | 'warn' | 'error' {
  if (status === 'failed' || status === 'dead') return 'error'
  return status === 'retrying' ? 'warn' : 'info'
}
