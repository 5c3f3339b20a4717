import { systemClock } from '../core/clock.ts'
import { milliseconds } from '../core/duration.ts'
import { DefinitionError, UnsupportedError } from '../core/errors.ts'
import { timeOrderedIds } from '../core/ids.ts'
import { logTo, type Logger } from '../core/logger.ts'
import { systemRandom } from '../core/random.ts'
import { retryPolicy } from '../core/retry.ts'
import type { Surroundings } from '../core/vendor.ts'
import { taskiqJson } from '../codecs/taskiq-json.ts'
import { DependencyContainer } from '../dependencies/container.ts'
import type { BrokerOptions } from './broker-options.ts'
import { runtimeKey } from './broker-identity.ts'
import type { Broker } from './broker.ts'
import { cancelTasks, purgeQueue } from './cancel.ts'
import { defineTask, sendable } from './define-task.ts'
import { makeHandle } from './handle.ts'
import { LifeCycle } from './life-cycle.ts'
import { Lineage } from './lineage.ts'
import { TaskRegistry, type RegisteredTask } from './registry.ts'
import { retryDeadLetters } from './retry-dead.ts'
import type { BrokerRuntime } from './runtime.ts'
import { Sender } from './sender.ts'
import { checkName, readRemoteDefinition } from './task-definition.ts'
import { TaskHome } from './task-home.ts'
import { transportOf } from './url.ts'

const knownOptions: ReadonlySet<string> = new Set<keyof BrokerOptions>([
  'transport',
  'resultBackend',
  'resultExpiresIn',
  'retry',
  'middlewares',
  'queue',
  'queues',
  'codec',
  'resultCodec',
  'lineage',
  'logger',
  'clock',
  'random',
])

/** Warnings and errors to stderr: what a library may say unasked. */
const stderrLogger: Logger = logTo((level, message, fields) => {
  if (level !== 'warn' && level !== 'error') return
  const { error, ...rest } = fields
  const more = Object.keys(rest).length === 0 ? '' : ` ${JSON.stringify(rest)}`
  const why = error instanceof Error ? `\n${error.stack ?? error.message}` : ''
  process.stderr.write(`taskwright ${level}: ${message}${more}${why}\n`)
})

/**
 * Makes a broker from a URL or from options. Opens nothing: that happens on first use, or by
 * `start()`.
 *
 * @throws DefinitionError for an unknown URL or option.
 */
export function createBroker(urlOrOptions: string | BrokerOptions): Broker {
  const options = typeof urlOrOptions === 'string' ? { transport: urlOrOptions } : urlOrOptions
  for (const key of Object.keys(options)) {
    if (!knownOptions.has(key)) {
      throw new DefinitionError(`createBroker has no option '${key}'. Known: ${[...knownOptions].join(', ')}.`)
    }
  }
  return assemble(makeRuntime(options))
}

function makeRuntime(options: BrokerOptions): BrokerRuntime {
  const { transport: given, resultBackend, resultExpiresIn = '24h', middlewares = [], queues = {} } = options
  const factory = typeof given === 'string' ? transportOf(given) : given
  if (factory?.kind !== 'transport') {
    throw new DefinitionError('`transport` must be a URL or what a vendor makes, such as sqliteTransport({ file }).')
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
  const container = new DependencyContainer()
  const life = new LifeCycle({ transport, results, middlewares, surroundings, container, sender, queues })
  return {
    surroundings,
    transport,
    results,
    inspector: opened.inspector,
    transactions: opened.transactions,
    codec,
    resultCodec: options.resultCodec ?? codec,
    registry: new TaskRegistry(),
    middlewares,
    container,
    lineage: new Lineage(options.lineage ?? true),
    ids: timeOrderedIds(surroundings.clock, surroundings.random),
    sender,
    defaultQueue: options.queue === undefined ? 'default' : checkName(options.queue, 'queue'),
    retryPolicyOf: (task) => (task.retry === undefined ? defaultPolicy : retryPolicy(task.retry)),
    resultTtlOf: (task) =>
      task?.result === false || defaultTtl === undefined ? undefined : (task?.result?.expiresIn ?? defaultTtl),
    get resultsInSettle() {
      return transport.capabilities.atomicResults && results.store === transport.store
    },
    start: () => life.start(),
    stop: () => life.stop(),
  }
}

function assemble(runtime: BrokerRuntime): Broker {
  const home = new TaskHome()
  home.settle(runtime)
  const inspector = runtime.inspector
  const broker: Omit<Broker, 'remoteTask'> & { remoteTask: unknown } = {
    [runtimeKey]: runtime,
    description: runtime.transport.name,
    task: defineTask(home, (task) => runtime.registry.add(task)),
    remoteTask: (options: Parameters<typeof readRemoteDefinition>[0]) => {
      const task: RegisteredTask = readRemoteDefinition(options)
      return { name: task.name, ...sendable(home, task) }
    },
    include(shared) {
      for (const task of shared['~tasks']) runtime.registry.add(task)
      shared['~home'].settle(runtime)
    },
    handle<R>(taskId: string) {
      return makeHandle(runtime, { id: taskId, isDuplicate: false, output: undefined }) as ReturnType<
        typeof broker.handle<R>
      >
    },
    async cancel(ids, reason = 'cancelled') {
      await runtime.start()
      return cancelTasks(runtime, ids, reason)
    },
    async purge(queue) {
      await runtime.start()
      return purgeQueue(runtime, checkName(queue, 'queue'))
    },
    get inspector() {
      if (inspector !== undefined) return inspector
      throw new UnsupportedError(`transport '${runtime.transport.name}' cannot be inspected.`)
    },
    async retryDead(ids) {
      await runtime.start()
      return retryDeadLetters(runtime, broker.inspector, ids)
    },
    scope: (use) =>
      runtime.container.use({
        context: undefined,
        body: (scope) => use((deps) => scope.resolve(deps)),
        onTearDownError: (error) =>
          runtime.surroundings.logger.error('a dependency failed to be torn down', { error }),
      }),
    dependencyOverrides: runtime.container.overrides,
    start: () => runtime.start(),
    stop: () => runtime.stop(),
    [Symbol.asyncDispose]: () => runtime.stop(),
  }
  return broker as Broker
}
