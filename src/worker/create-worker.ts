import { hostname } from 'node:os'
import { milliseconds } from '../core/duration.ts'
import { InvalidInputError } from '../core/errors.ts'
import type { Broker } from '../broker/broker.ts'
import { runtimeOf, type BrokerRuntime } from '../broker/runtime.ts'
import { checkName } from '../broker/task-definition.ts'
import { isList, queueNames, type ShareRule } from './queue-shares.ts'
import { TaskWorker } from './task-worker.ts'
import type { WorkerSettings } from './worker-settings.ts'
import type { Worker } from './worker.ts'
import type { UnknownTaskPolicy, WorkerOptions } from './worker-options.ts'

const known: ReadonlySet<string> = new Set<keyof WorkerOptions>([
  'concurrency',
  'prefetch',
  'queues',
  'strict',
  'ack',
  'lease',
  'redeliveries',
  'unknownTask',
  'foreignFires',
  'stallLimit',
  'grace',
  'shutdownTimeout',
  'maxTasks',
  'sweepWorkflows',
  'name',
])

/**
 * Makes a worker for the tasks of a broker, in this process. It fetches nothing before `start()`.
 *
 * @example
 * ```ts
 * import { createBroker, createWorker } from 'taskwright'
 *
 * const broker = createBroker('memory:')
 * const double = broker.task('double', async (n: number) => n * 2)
 *
 * const worker = createWorker(broker, { concurrency: 10 })
 * await worker.start()
 * const handle = await double.kiq(21)
 * console.log(await handle.result()) // 42
 * await worker.stop()
 * await broker.stop()
 * ```
 * @throws InvalidInputError for an option that is wrong.
 */
export function createWorker(broker: Broker, options: WorkerOptions = {}): Worker {
  const runtime = runtimeOf(broker)
  return new TaskWorker(runtime, readOptions(runtime, options))
}

function readOptions(runtime: BrokerRuntime, options: WorkerOptions): WorkerSettings {
  for (const key of Object.keys(options)) {
    if (!known.has(key))
      throw new InvalidInputError(
        `createWorker has no option '${key}'. Known: ${[...known].join(', ')}.`,
      )
  }
  const concurrency = whole(options.concurrency ?? 100, 'concurrency', 1)
  const lease = milliseconds(options.lease ?? '30s')
  if (lease < 100) throw new InvalidInputError('a lease is 100 ms or more.')
  const queues = queuesOf(runtime, options.queues)
  const shares = sharesOf(options)
  const unknownTask = unknownTaskOf(options.unknownTask ?? 'set-aside', queues)
  const { ack = 'late', foreignFires = 'run' } = options
  if (foreignFires !== 'run' && foreignFires !== 'drop')
    throw new InvalidInputError("foreignFires is 'run' or 'drop'.")
  if (ack !== 'late' && ack !== 'early') throw new InvalidInputError("ack is 'early' or 'late'.")
  const { random } = runtime.surroundings
  return {
    concurrency,
    prefetch: whole(options.prefetch ?? Math.min(concurrency, 100), 'prefetch', 0),
    queues,
    shares,
    ack,
    lease,
    redeliveries: whole(options.redeliveries ?? 3, 'redeliveries', 0),
    unknownTask,
    foreignFires,
    stallLimit: milliseconds(options.stallLimit ?? lease),
    grace: milliseconds(options.grace ?? '5s'),
    shutdownTimeout: milliseconds(options.shutdownTimeout ?? '30s'),
    maxTasks: options.maxTasks === undefined ? Infinity : whole(options.maxTasks, 'maxTasks', 1),
    sweepWorkflows: options.sweepWorkflows ?? true,
    name: options.name ?? `${hostname()}:${process.pid}:${random.hex(3)}`,
  }
}

function queuesOf(runtime: BrokerRuntime, asked: WorkerOptions['queues']): readonly string[] {
  if (asked !== undefined) {
    const queues = queueNames(asked)
    if (queues.length === 0) throw new InvalidInputError('queues names at least one queue.')
    return [...new Set(queues.map((queue) => checkName(queue, 'queue')))]
  }
  const local = runtime.registry.all().filter((task) => task.handler !== undefined)
  const named = local.map((task) => task.queue ?? runtime.defaultQueue)
  return [...new Set(named.length === 0 ? [runtime.defaultQueue] : named)]
}

function sharesOf({ queues, strict = false }: WorkerOptions): ShareRule | undefined {
  if (typeof strict !== 'boolean') throw new InvalidInputError('strict is true or false.')
  const isWeighted = queues !== undefined && !isList(queues)
  if (strict && (isWeighted || queues === undefined))
    throw new InvalidInputError('strict goes by the order of `queues`: name them as a list.')
  if (strict) return { weights: new Map(), strict }
  if (!isWeighted) return undefined
  for (const [queue, weight] of Object.entries(queues)) {
    if (!Number.isInteger(weight) || weight < 1 || weight > 1000) {
      throw new InvalidInputError(
        `the weight of queue '${queue}' is a whole number from 1 to 1000, not ${String(weight)}.`,
      )
    }
  }
  return { weights: new Map(Object.entries(queues)), strict }
}

function unknownTaskOf(policy: UnknownTaskPolicy, queues: readonly string[]): UnknownTaskPolicy {
  if (policy === 'set-aside' || policy === 'give-back') return policy
  const to: unknown = typeof policy === 'object' ? policy?.forward : undefined
  if (typeof to !== 'string')
    throw new InvalidInputError("unknownTask is 'set-aside', 'give-back' or { forward: 'queue' }.")
  if (queues.includes(checkName(to, 'queue'))) {
    throw new InvalidInputError(
      `unknownTask forwards to '${to}', a queue of this very worker: the message would go round for ever.`,
    )
  }
  return policy
}

function whole(value: number, what: string, least: number): number {
  if (Number.isSafeInteger(value) && value >= least) return value
  throw new InvalidInputError(
    `${what} is a whole number of ${least} or more, not ${String(value)}.`,
  )
}
