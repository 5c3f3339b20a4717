import { DefinitionError, InvalidInputError, UnsupportedError } from '../core/errors.ts'
import type { Labels } from '../core/labels.ts'
import type { BrokerIdentity } from '../broker/broker-identity.ts'
import type { Tail } from '../broker/canvas/step.ts'
import { registrationKey } from '../broker/define-task.ts'
import { makeHandle } from '../broker/handle.ts'
import { prepare } from '../broker/kicker.ts'
import { pipeData, pipeLabels, type PipeStep } from '../broker/pipeline/pipe-step.ts'
import type { RegisteredTask } from '../broker/registry.ts'
import { runtimeOf } from '../broker/runtime.ts'
import type { Sendable } from '../broker/task.ts'
import type { TaskHandle } from '../broker/task-handle.ts'

/** How the items of {@link Pipeline.map} and {@link Pipeline.filter} are treated. */
export interface ItemOptions {
  /** Items whose task failed are left out. Default false: one failure fails the pipeline. */
  skipErrors?: boolean | undefined
}

/** A step before it has an id. */
type Draft = Omit<PipeStep, 'task_id'> & { readonly task: RegisteredTask }

/**
 * TaskIQ's pipeline, on the same wire: a Python worker may take some of its steps and a TypeScript worker
 * the others. Immutable: each method gives a longer one. What only TypeScript workers are to run is better
 * a `chain`, which can do more and is kept by the store.
 *
 * Each step is sent in the step that ends the one before it. A failure is told to the caller only after
 * the last retry.
 *
 * @example
 * ```ts
 * import { createBroker, createWorker, Pipeline } from 'taskwright'
 *
 * const broker = createBroker('memory:')
 * const pages = broker.task('pages', async (site: string) => [`${site}/a`, `${site}/bb`])
 * const size = broker.task('size', async (url: string) => url.length)
 * const total = broker.task('total', async (sizes: number[]) => sizes.reduce((a, b) => a + b, 0))
 *
 * const worker = createWorker(broker)
 * await worker.start()
 * const handle = await new Pipeline(broker, pages).map(size).callNext(total).kiq('x')
 * console.log(await handle.result()) // 7
 * await worker.stop()
 * await broker.stop()
 * ```
 */
export class Pipeline<A extends readonly unknown[], O> {
  readonly #broker: BrokerIdentity
  readonly #steps: readonly [Draft, ...Draft[]]

  /** @throws InvalidInputError when `first` is no task. */
  constructor(broker: BrokerIdentity, first: Sendable<A, O>)
  constructor(broker: BrokerIdentity, first: Sendable<A, O>, steps?: readonly [Draft, ...Draft[]]) {
    this.#broker = broker
    this.#steps = steps ?? [draft('sequential', registration(first), { param: null, kwargs: {} })]
  }

  /** Then a task that takes the result as its first argument. Further arguments travel by name: its `params`. */
  callNext<B extends readonly [O, ...unknown[]], X>(
    task: Sendable<B, X>,
    ...rest: Tail<B>
  ): Pipeline<A, X> {
    const registered = registration(task)
    const kwargs = byName(registered, rest, 1)
    return this.#then(draft('sequential', registered, { param: null, kwargs }))
  }

  /** Then a task that does not take the result. Its arguments travel by name: its `params`. */
  callAfter<B extends readonly unknown[], X>(task: Sendable<B, X>, ...args: B): Pipeline<A, X> {
    const registered = registration(task)
    const kwargs = byName(registered, args, 0)
    return this.#then(draft('sequential', registered, { param: -1, kwargs }))
  }

  /** Then one run of a task for each item of the result; the list of their results. */
  map<E, X>(
    this: Pipeline<A, readonly E[]>,
    task: Sendable<readonly [NoInfer<E>] | [NoInfer<E>], X>,
    options: ItemOptions = {},
  ): Pipeline<A, X[]> {
    const registered = registration(task)
    return this.#then(draft('mapper', registered, { param: null, kwargs: {}, ...options }))
  }

  /** Then those items of the result for which a task says true. */
  filter<E>(
    this: Pipeline<A, readonly E[]>,
    task: Sendable<readonly [NoInfer<E>] | [NoInfer<E>], boolean>,
    options: ItemOptions = {},
  ): Pipeline<A, E[]> {
    const registered = registration(task)
    return this.#then(draft('filter', registered, { param: null, kwargs: {}, ...options }))
  }

  /** Sends it. The handle is that of its last step. @throws UnsupportedError for a codec that is not JSON. */
  async kiq(...args: A): Promise<TaskHandle<O>> {
    const runtime = runtimeOf(this.#broker)
    if (!runtime.codec.name.startsWith('taskiq-json')) {
      throw new UnsupportedError(
        `a pipeline travels as JSON, and the codec of this broker is '${runtime.codec.name}'. Use the default codec, or a chain.`,
      )
    }
    const steps = this.#steps.map(({ task: { queue }, step_type, step_data }): PipeStep => {
      // Whoever sends it on, of whichever language, has a queue of his own by default.
      const labels = { ...step_data.labels, queue_name: queue ?? runtime.defaultQueue }
      return { step_type, step_data: { ...step_data, labels }, task_id: runtime.ids() }
    })
    const ids = steps.map(({ task_id: id }) => id)
    const [{ task }] = this.#steps
    const { message, route } = await prepare(runtime, task, { args })
    const labels: Labels = {
      ...message.labels,
      [pipeLabels.data]: pipeData(steps),
      [pipeLabels.step]: 0,
    }
    await runtime.start()
    const first = { ...message, id: String(ids[0]), labels }
    // Whole: its steps may be taken by Python.
    await runtime.sender.send({ message: first, route, whole: true })
    const last = this.#steps.at(-1)?.task
    const id = String(ids.at(-1))
    return makeHandle(runtime, id, last) as TaskHandle<O>
  }

  #then<X>(step: Draft): Pipeline<A, X> {
    const Longer = Pipeline as unknown as new (
      broker: BrokerIdentity,
      first: undefined,
      steps: readonly [Draft, ...Draft[]],
    ) => Pipeline<A, X>
    return new Longer(this.#broker, undefined, [...this.#steps, step])
  }
}

function draft(
  kind: PipeStep['step_type'],
  task: RegisteredTask,
  of: ItemOptions & { param: null | -1; kwargs: Readonly<Record<string, unknown>> },
): Draft {
  const { param, kwargs, skipErrors = false } = of
  const labels = Object.fromEntries(
    Object.entries(task.labels).map(([name, value]) => [name, String(value)]),
  )
  const items = kind === 'sequential' ? {} : { skip_errors: skipErrors, check_interval: 0.5 }
  return {
    task,
    step_type: kind,
    step_data: {
      task_name: task.name,
      labels,
      param_name: param,
      additional_kwargs: kwargs,
      ...items,
    },
  }
}

function registration(task: unknown): RegisteredTask {
  const holds = (typeof task === 'function' || typeof task === 'object') && task !== null
  if (holds && registrationKey in task) return task[registrationKey] as RegisteredTask
  throw new InvalidInputError('a step of a pipeline is a task, local or remote, not its signature.')
}

/** Arguments behind the first `from`, by the names that the task has for them. */
function byName(
  task: RegisteredTask,
  args: readonly unknown[],
  from: number,
): Record<string, unknown> {
  if (args.length === 0) return {}
  const [only] = args
  if (task.input !== undefined && from === 0) return only as Record<string, unknown>
  const names = task.params?.slice(from) ?? []
  if (names.length < args.length) {
    throw new DefinitionError(
      `further arguments of a step of a pipeline travel by name: give task '${task.name}' \`params\`, one name for each argument.`,
    )
  }
  return Object.fromEntries(args.map((arg, i) => [names[i] ?? '', arg]))
}
