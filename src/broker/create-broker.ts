import { DefinitionError, UnsupportedError } from '../core/errors.ts'
import type { BrokerOptions } from './broker-options.ts'
import { runtimeKey } from './broker-identity.ts'
import type { Broker } from './broker.ts'
import { cancelTasks, purgeQueue } from './cancel.ts'
import { canvasOfPlan } from './canvas/make-canvas.ts'
import { makeWorkflowHandle } from './canvas/make-workflow-handle.ts'
import { listWorkflows } from './canvas/list-workflows.ts'
import { cancelWhere } from './cancel-where.ts'
import { controlOf } from './control.ts'
import { deadLettersOf } from './dead-letters.ts'
import { defineTask, sendable } from './define-task.ts'
import { makeHandle } from './handle.ts'
import { setConcurrency } from './set-concurrency.ts'
import { makeRuntime } from './make-runtime.ts'
import { rateLimit, setRate } from './rate-limits.ts'
import { TaskRegistry, type RegisteredTask } from './registry.ts'
import type { BrokerRuntime } from './runtime.ts'
import { checkName, readRemoteDefinition } from './task-definition.ts'
import { TaskHome } from './task-home.ts'
import { takeLock } from './take-lock.ts'

const knownOptions: ReadonlySet<string> = new Set<keyof BrokerOptions>([
  'transport',
  'resultBackend',
  'resultExpiresIn',
  'retry',
  'middlewares',
  'queue',
  'queues',
  'deadLetters',
  'limits',
  'claimCheck',
  'codec',
  'resultCodec',
  'lineage',
  'logger',
  'clock',
  'random',
])

/**
 * Makes a broker from a URL or from options. Opens nothing: that happens on first use, or by
 * `start()`.
 *
 * @throws DefinitionError for an unknown URL or option.
 */
export function createBroker(urlOrOptions: string | BrokerOptions): Broker {
  const options = typeof urlOrOptions === 'string' ? { transport: urlOrOptions } : urlOrOptions
  if (typeof options !== 'object' || options === null) {
    throw new DefinitionError(
      "createBroker needs a URL or options: createBroker('sqlite:./tasks.db').",
    )
  }
  for (const key of Object.keys(options)) {
    if (!knownOptions.has(key)) {
      throw new DefinitionError(
        `createBroker has no option '${key}'. Known: ${[...knownOptions].join(', ')}.`,
      )
    }
  }
  const home = new TaskHome()
  home.settle(makeRuntime(options, { registry: new TaskRegistry(), homes: [home] }))
  return assemble(home)
}

/** The face of a broker. Asks its home for the runtime at each call: a test may have put another there. */
function assemble(home: TaskHome): Broker {
  const now = (): BrokerRuntime => home.runtime('')
  const own = now()
  const { registry } = own
  const register = (task: RegisteredTask): void => registry.add(task)
  const broker: Omit<Broker, 'remoteTask'> & { remoteTask: unknown } = {
    get [runtimeKey]() {
      return now()
    },
    get description() {
      return now().description
    },
    task: defineTask(home, register),
    remoteTask: (options: Parameters<typeof readRemoteDefinition>[0]) => {
      const task: RegisteredTask = readRemoteDefinition(options)
      return { name: task.name, ...sendable(home, task) }
    },
    include(shared) {
      // All of them or none: a half that was taken in could be neither used nor mended.
      for (const task of shared['~tasks']) registry.check(task)
      for (const task of shared['~tasks']) registry.add(task)
      shared['~listeners'].add(register)
      // Its own, also while a test has put another runtime there: that one goes, this one stays.
      shared['~home'].settle(own)
      if (!now().homes.includes(shared['~home'])) now().homes.push(shared['~home'])
    },
    handle<R>(taskId: string) {
      return makeHandle(now(), taskId) as ReturnType<typeof broker.handle<R>>
    },
    workflow<R>(runId: string) {
      const made = makeWorkflowHandle(now(), { run: runId, isDuplicate: false })
      return made as ReturnType<typeof broker.workflow<R>>
    },
    async workflows(page = {}) {
      await now().start()
      return listWorkflows(now(), page)
    },
    canvas: (plan) => canvasOfPlan(home, plan),
    async cancel(ids, reason = 'cancelled') {
      await now().start()
      return cancelTasks(now(), ids, reason)
    },
    async cancelWhere(filter, reason = 'cancelled', { children = false } = {}) {
      await now().start()
      return cancelWhere(now(), filter, { reason, children })
    },
    async purge(queue) {
      await now().start()
      return purgeQueue(now(), checkName(queue, 'queue'))
    },
    lock: (key, lockOptions) => takeLock(now(), key, lockOptions),
    async setConcurrency(task, limit, key) {
      await now().start()
      await setConcurrency(
        now(),
        { name: typeof task === 'string' ? task : task.name },
        { limit, key },
      )
    },
    limit: (name, key) => rateLimit(now(), name, { key }),
    setRate: async (name, rate, key) => setRate(now(), name, { rate, key }),
    get control() {
      return controlOf(now())
    },
    get inspector() {
      const { inspector, transport } = now()
      if (inspector !== undefined) return inspector
      throw new UnsupportedError(`transport '${transport.name}' cannot be inspected.`)
    },
    get deadLetters() {
      return deadLettersOf(now())
    },
    retryDead: async (ids) => deadLettersOf(now()).retry(ids),
    scope: (use) =>
      now().container.use({
        context: undefined,
        body: (scope) => use((deps) => scope.resolve(deps)),
        onTearDownError: (error) =>
          now().surroundings.logger.error('a dependency failed to be torn down', { error }),
      }),
    get dependencyOverrides() {
      return now().container.overrides
    },
    start: () => now().start(),
    stop: () => now().stop(),
    [Symbol.asyncDispose]: () => now().stop(),
  }
  return broker as Broker
}
