import { inspect } from 'node:util'
import { systemClock } from '../core/clock.ts'
import { milliseconds, type Duration } from '../core/duration.ts'
import { DefinitionError } from '../core/errors.ts'
import { timeOrderedIds } from '../core/ids.ts'
import { logTo, type Logger } from '../core/logger.ts'
import { systemRandom } from '../core/random.ts'
import { retryPolicy } from '../core/retry.ts'
import type { Codec } from '../core/codec.ts'
import type { Body } from '../core/message.ts'
import type { Surroundings } from '../core/vendor.ts'
import { taskiqJson } from '../codecs/taskiq-json.ts'
import { DependencyContainer } from '../dependencies/container.ts'
import type { DependencyOverrides } from '../dependencies/overrides.ts'
import type { BrokerOptions } from './broker-options.ts'
import { builtInTasks } from './canvas/built-in.ts'
import { startTask } from './canvas/start-task.ts'
import { WorkflowPump } from './canvas/workflow-pump.ts'
import { ClaimBook } from './claim-book.ts'
import { ClaimCheck, readClaimCheck, type ClaimCheckPolicy } from './claim-check.ts'
import { LifeCycle } from './life-cycle.ts'
import { Lineage } from './lineage.ts'
import { readRate } from './rate-limits.ts'
import type { TaskRegistry } from './registry.ts'
import type { BrokerRuntime, RuntimeHome } from './runtime.ts'
import { safeLogger } from './safe-logger.ts'
import { Sender } from './sender.ts'
import { checkName } from './task-definition.ts'
import { transportOf } from './url.ts'

/** Warnings and errors to stderr: what a library may say unasked. */
const stderrLogger: Logger = logTo((level, message, fields) => {
  if (level !== 'warn' && level !== 'error') return
  const { error, ...rest } = fields
  const more = Object.keys(rest).length === 0 ? '' : ` ${inspect(rest, { breakLength: Infinity })}`
  const why = error instanceof Error ? `\n${error.stack ?? error.message}` : ''
  process.stderr.write(`taskwright ${level}: ${message}${more}${why}\n`)
})

/** What several runtimes of one broker share: a test runs the same tasks on another store. */
export interface SharedParts {
  readonly registry: TaskRegistry
  readonly homes: RuntimeHome[]
  /** Default: none. */
  readonly overrides?: DependencyOverrides | undefined
}

/**
 * Chooses every default and puts a runtime together. Opens nothing.
 * @throws DefinitionError
 */
export function makeRuntime(options: BrokerOptions, shared: SharedParts): BrokerRuntime {
  const {
    transport: given,
    resultBackend,
    resultExpiresIn = '24h',
    middlewares = [],
    queues = {},
  } = options
  const factory = typeof given === 'string' ? transportOf(given) : given
  if (factory?.kind !== 'transport') {
    throw new DefinitionError(
      '`transport` must be a URL or what a vendor makes, such as sqliteTransport({ file }).',
    )
  }
  const surroundings: Surroundings = {
    clock: options.clock ?? systemClock,
    random: options.random ?? systemRandom,
    logger: options.logger === undefined ? stderrLogger : safeLogger(options.logger),
    idOf: (body) => idOf(codec, body),
  }
  const opened = factory.create(surroundings)
  const { transport } = opened
  const results = resultBackend?.create(surroundings) ?? opened.results
  const codec: Codec =
    options.codec ?? taskiqJson({ richTypes: !transport.capabilities.foreignReaders })
  const defaultPolicy = readOption('retry', () => retryPolicy(options.retry))
  const defaultTtl = readOption('resultExpiresIn', () => readTtl(resultExpiresIn))
  checkQueues(queues)
  for (const [name, rate] of Object.entries(options.limits ?? {}))
    readOption(`limits.${name}`, () => readRate(rate))
  const ids = timeOrderedIds(surroundings.clock, surroundings.random)
  const defaultCheck = readOption('claimCheck', () => readClaimCheck(options.claimCheck))
  const policyOf = (name: string): ClaimCheckPolicy | undefined => {
    const task = runtime.taskOf(name)
    // Whoever runs what we only know by name may not be able to read it.
    if (task?.handler === undefined || task.claimCheck === false) return undefined
    return task.claimCheck ?? (defaultCheck === false ? undefined : defaultCheck)
  }
  const claimCheck =
    defaultCheck === false
      ? undefined
      : new ClaimCheck({ codec, results, ids, clock: surroundings.clock, policyOf })
  const sender = new Sender({
    transport,
    codec,
    claimCheck,
    middlewares,
    surroundings,
    whenFull: (queue) => queues[queue]?.whenFull ?? 'refuse',
  })
  const container = new DependencyContainer({ overrides: shared.overrides })
  const life = new LifeCycle({
    transport,
    results,
    middlewares,
    surroundings,
    container,
    sender,
    queues,
    pump:
      opened.workflows === undefined ? undefined : new WorkflowPump(opened.workflows, surroundings),
  })
  const starts = startTask(() => runtime)
  const builtIns = new Map([...builtInTasks(() => runtime), [starts.name, starts]])
  const runtime: BrokerRuntime = {
    description: factory.where === undefined ? factory.name : `${factory.name} ${factory.where}`,
    options,
    homes: shared.homes,
    surroundings,
    transport,
    results,
    inspector: opened.inspector,
    transactions: opened.transactions,
    workflows: opened.workflows,
    locks: opened.locks,
    rates: opened.rates,
    control: opened.control,
    ledger: opened.ledger,
    plans: opened.plans,
    openSource: (source) => life.openSource(source),
    codec,
    resultCodec: options.resultCodec ?? codec,
    registry: shared.registry,
    middlewares,
    container,
    claims: new ClaimBook(transport),
    lineage: new Lineage(options.lineage ?? true),
    ids,
    sender,
    defaultQueue: checkName(options.queue ?? factory.queue ?? 'default', 'queue'),
    taskOf: (name) => shared.registry.get(name) ?? builtIns.get(name),
    retryPolicyOf: (task) => (task.retry === undefined ? defaultPolicy : retryPolicy(task.retry)),
    resultTtlOf: (task) =>
      task?.result === false ? undefined : (task?.result?.expiresIn ?? defaultTtl),
    get resultsInSettle() {
      return transport.capabilities.atomicResults && results.store === transport.store
    },
    start: () => life.start(),
    isStarted: () => life.isStarted,
    stop: () => life.stop(),
  }
  return runtime
}

function idOf(codec: Codec, body: Body): string | undefined {
  try {
    return codec.decodeMessage(body).id
  } catch {
    return undefined
  }
}

/** @throws DefinitionError that names the option. */
function readOption<T>(name: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw new DefinitionError(`createBroker: \`${name}\`: ${(error as Error).message}`, {
      cause: error,
    })
  }
}

function readTtl(expiresIn: Duration | false): number | undefined {
  if (expiresIn === false) return undefined
  const ms = milliseconds(expiresIn)
  if (ms > 0) return ms
  throw new DefinitionError('give a duration of more than 0, or false to keep no results.')
}

function checkQueues(queues: NonNullable<BrokerOptions['queues']>): void {
  for (const [queue, { cap, whenFull }] of Object.entries(queues)) {
    checkName(queue, 'queue')
    if (cap !== undefined && cap !== null && !(Number.isSafeInteger(cap) && cap >= 1)) {
      throw new DefinitionError(
        `createBroker: the cap of queue '${queue}' is a whole number of 1 or more, or null for none.`,
      )
    }
    if (whenFull !== undefined && whenFull !== 'refuse' && whenFull !== 'wait') {
      throw new DefinitionError(`createBroker: whenFull of queue '${queue}' is 'refuse' or 'wait'.`)
    }
  }
}
