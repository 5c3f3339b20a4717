import { systemClock } from '../core/clock.ts'
import { milliseconds } from '../core/duration.ts'
import { DefinitionError } from '../core/errors.ts'
import { timeOrderedIds } from '../core/ids.ts'
import { logTo, type Logger } from '../core/logger.ts'
import { systemRandom } from '../core/random.ts'
import { retryPolicy } from '../core/retry.ts'
import type { Surroundings } from '../core/vendor.ts'
import { taskiqJson } from '../codecs/taskiq-json.ts'
import { DependencyContainer } from '../dependencies/container.ts'
import type { DependencyOverrides } from '../dependencies/overrides.ts'
import type { BrokerOptions } from './broker-options.ts'
import { LifeCycle } from './life-cycle.ts'
import { Lineage } from './lineage.ts'
import type { TaskRegistry } from './registry.ts'
import type { BrokerRuntime, RuntimeHome } from './runtime.ts'
import { Sender } from './sender.ts'
import { checkName } from './task-definition.ts'
import { transportOf } from './url.ts'

/** Warnings and errors to stderr: what a library may say unasked. */
const stderrLogger: Logger = logTo((level, message, fields) => {
  if (level !== 'warn' && level !== 'error') return
  const { error, ...rest } = fields
  const more = Object.keys(rest).length === 0 ? '' : ` ${JSON.stringify(rest)}`
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
    logger: options.logger ?? stderrLogger,
  }
  const opened = factory.create(surroundings)
  const { transport } = opened
  const results = resultBackend?.create(surroundings) ?? opened.results
  const codec = options.codec ?? taskiqJson({ richTypes: !transport.capabilities.foreignReaders })
  const defaultPolicy = retryPolicy(options.retry)
  const defaultTtl = resultExpiresIn === false ? undefined : milliseconds(resultExpiresIn)
  const sender = new Sender({
    transport,
    codec,
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
  })
  return {
    options,
    homes: shared.homes,
    surroundings,
    transport,
    results,
    inspector: opened.inspector,
    transactions: opened.transactions,
    codec,
    resultCodec: options.resultCodec ?? codec,
    registry: shared.registry,
    middlewares,
    container,
    lineage: new Lineage(options.lineage ?? true),
    ids: timeOrderedIds(surroundings.clock, surroundings.random),
    sender,
    defaultQueue: options.queue === undefined ? 'default' : checkName(options.queue, 'queue'),
    retryPolicyOf: (task) => (task.retry === undefined ? defaultPolicy : retryPolicy(task.retry)),
    resultTtlOf: (task) =>
      task?.result === false || defaultTtl === undefined
        ? undefined
        : (task?.result?.expiresIn ?? defaultTtl),
    get resultsInSettle() {
      return transport.capabilities.atomicResults && results.store === transport.store
    },
    start: () => life.start(),
    stop: () => life.stop(),
  }
}
