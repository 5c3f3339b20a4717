import { milliseconds, type Duration } from '../core/duration.ts'
import { InvalidInputError, UnsupportedError } from '../core/errors.ts'
import type { ControlAnswer, ControlChannel, ControlMessage } from '../core/control-channel.ts'
import type { BrokerRuntime } from './runtime.ts'
import { checkName } from './task-definition.ts'

/** Whom it concerns, and how long answers are waited for. */
export interface ControlOptions {
  /** Names of workers; all of them when absent. */
  readonly workers?: readonly string[] | undefined
  /** Default `'1s'`. Answered as soon as everybody who listens has. */
  readonly wait?: Duration | undefined
}

/** What a worker says of itself. */
export interface WorkerStats {
  readonly worker: string
  readonly pid: number
  readonly queues: readonly string[]
  readonly concurrency: number
  readonly prefetch: number
  readonly running: number
  readonly prefetched: number
  readonly settled: number
  readonly stuck: number
  /** Seconds since it started. */
  readonly uptime: number
  /** Bytes of memory of its process. */
  readonly rss: number
}

/** A task that runs now. */
export interface ActiveTask {
  readonly worker: string
  readonly id: string
  readonly task: string
  readonly queue: string
  readonly attempt: number
  /** Seconds for which it has run. */
  readonly seconds: number
}

/** What is held back for all workers. */
export interface Paused {
  readonly queues: readonly string[]
  readonly tasks: readonly string[]
}

/** Talks to running workers, of whatever process. Who is away answers nothing. */
export interface Control {
  /** Names of the workers that answer. */
  ping(options?: ControlOptions): Promise<readonly string[]>
  stats(options?: ControlOptions): Promise<readonly WorkerStats[]>
  /** What runs now. */
  active(options?: ControlOptions): Promise<readonly ActiveTask[]>
  /** The tasks that each worker knows. */
  registered(
    options?: ControlOptions,
  ): Promise<readonly { readonly worker: string; readonly tasks: readonly string[] }[]>
  /**
   * Workers stop: they fetch no more, and running tasks may end for `timeout` (their own default). Names
   * of those that do. Under the command line the whole command ends.
   */
  shutdown(
    options?: ControlOptions & { readonly timeout?: Duration | undefined },
  ): Promise<readonly string[]>
  /** Workers run so many at once from now on, until they are started anew; names of those that do. */
  scale(
    to: { readonly concurrency?: number | undefined; readonly prefetch?: number | undefined },
    options?: ControlOptions,
  ): Promise<readonly string[]>
  /**
   * No worker takes from these queues, or starts these tasks, until they are resumed; what runs goes on.
   * Durable. Who hears it obeys at once, and gives back what he has claimed ahead; everybody else within
   * two seconds. Messages of a paused task are put off by five seconds, again and again.
   */
  pause(what: Partial<Paused>): Promise<void>
  resume(what: Partial<Paused>): Promise<void>
  /** What is paused. */
  paused(): Promise<Paused>
}

const prefix = { queues: 'pause:queue:', tasks: 'pause:task:' } as const

/** The control of a broker. @throws UnsupportedError where the transport has no control channel. */
export function controlOf(runtime: BrokerRuntime): Control {
  const channel = channelOf(runtime)
  const say = async (
    message: ControlMessage,
    { workers, wait = '1s' }: ControlOptions = {},
  ): Promise<readonly ControlAnswer[]> => {
    await runtime.start()
    return channel.broadcast({ ...message, workers }, { wait: milliseconds(wait) })
  }
  const names = (answers: readonly ControlAnswer[]): readonly string[] =>
    answers.map(({ worker }) => worker).sort()
  const hold = async (what: Partial<Paused>, value: string | null): Promise<void> => {
    const { queues = [], tasks = [] } = what
    const settings = [
      ...queues.map((name) => `${prefix.queues}${checkName(name, 'queue')}`),
      ...tasks.map((name) => `${prefix.tasks}${checkName(name, 'task')}`),
    ]
    if (settings.length === 0) throw new InvalidInputError('name the queues or tasks.')
    await runtime.start()
    await channel.set(Object.fromEntries(settings.map((name) => [name, value])))
    await say({ kind: 'settings' })
  }
  return {
    ping: async (options) => names(await say({ kind: 'ping' }, options)),
    async stats(options) {
      const answers = await say({ kind: 'stats' }, options)
      return answers.map(({ worker, body }) => ({ ...(body as WorkerStats), worker }))
    },
    async active(options) {
      const answers = await say({ kind: 'active' }, options)
      return answers.flatMap(({ worker, body }) =>
        (body as readonly ActiveTask[]).map((task) => ({ ...task, worker })),
      )
    },
    async registered(options) {
      const answers = await say({ kind: 'registered' }, options)
      return answers.map(({ worker, body }) => ({ worker, tasks: body as readonly string[] }))
    },
    async shutdown(options = {}) {
      const timeout = options.timeout === undefined ? undefined : milliseconds(options.timeout)
      return names(await say({ kind: 'shutdown', timeout }, options))
    },
    async scale({ concurrency, prefetch }, options) {
      if (concurrency !== undefined && !(Number.isSafeInteger(concurrency) && concurrency >= 1))
        throw new InvalidInputError('concurrency is a whole number of 1 or more.')
      if (prefetch !== undefined && !(Number.isSafeInteger(prefetch) && prefetch >= 0))
        throw new InvalidInputError('prefetch is a whole number of 0 or more.')
      return names(await say({ kind: 'scale', concurrency, prefetch }, options))
    },
    pause: (what) => hold(what, '1'),
    resume: (what) => hold(what, null),
    async paused() {
      await runtime.start()
      return pausedIn(await channel.settings())
    },
  }
}

/** What settings say is paused. */
export function pausedIn(settings: ReadonlyMap<string, string>): Paused {
  const named = (start: string): string[] =>
    [...settings.keys()].flatMap((key) => (key.startsWith(start) ? [key.slice(start.length)] : []))
  return { queues: named(prefix.queues).sort(), tasks: named(prefix.tasks).sort() }
}

function channelOf({ control, transport }: BrokerRuntime): ControlChannel {
  if (control !== undefined) return control
  throw new UnsupportedError(
    `transport '${transport.name}' has no control channel: use memory:, sqlite: or redis:.`,
  )
}
