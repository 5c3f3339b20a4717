/**
 * From a canvas to a flat graph: edges for chains, a join for each group, gates for side steps, one end.
 * Every canvas has exactly one sink, so that a group behind a group costs n + m edges and not n · m.
 * Ordinals are given in the order in which things are met, so that sources have lower ones.
 */
import { InvalidInputError } from '../../core/errors.ts'
import type { Gate } from '../../core/gate.ts'
import { normalPriority, priorityNumber, type Labels } from '../../core/labels.ts'
import { expiryLabels } from '../expiry.ts'
import { gatesOf } from '../gate-policy.ts'
import { lineLabels } from '../lineage.ts'
import type { Message } from '../../core/message.ts'
import type { GateKind, RunHead, WorkflowNode } from '../../core/workflow-store.ts'
import { toTravel, type Travelling } from '../arguments.ts'
import type { RegisteredTask } from '../registry.ts'
import type { BrokerRuntime } from '../runtime.ts'
import type { Outgoing } from '../sender.ts'
import { mapPlan } from './built-in.ts'
import type { CanvasPlan, ListPlan, TaskPlan } from './plan.ts'

/** A node whose message is not written yet, and has no id. */
export interface DraftNode extends WorkflowNode {
  readonly outgoing?: Outgoing | undefined
}

/** A compiled canvas. */
export interface Graph {
  readonly nodes: readonly DraftNode[]
  readonly sink: number
  readonly end: number
  readonly failFast: RunHead['failFast']
  /** For people. */
  readonly name: string
}

/** What is compiled, and into which run. */
export interface Compiling {
  readonly run: string
  /** What `kiq` was given: at most one value. */
  readonly input: readonly unknown[]
}

/** Where a part of a canvas stands. */
interface Place {
  /** The node before it. */
  readonly after: number | undefined
  readonly side: number | undefined
  /** What `kiq` was given, for those that stand first. */
  readonly input: readonly unknown[]
}

const deepest = 200

/**
 * Compiles a canvas; its ordinals begin at 0.
 *
 * @throws InvalidInputError for a task that the broker does not know, arguments that do not fit, a canvas
 * that holds itself.
 */
export async function compile(
  runtime: BrokerRuntime,
  plan: CanvasPlan,
  compiling: Compiling,
): Promise<Graph> {
  const builder = new GraphBuilder(runtime, compiling)
  return builder.build(plan)
}

class GraphBuilder {
  readonly #runtime: BrokerRuntime
  readonly #of: Compiling
  readonly #nodes: DraftNode[] = []
  readonly #ends: number[] = []
  readonly #failFast: { lo: number; hi: number }[] = []
  readonly #open = new Set<CanvasPlan>()
  readonly #labels: Labels

  constructor(runtime: BrokerRuntime, of: Compiling) {
    this.#runtime = runtime
    this.#of = of
    const line = runtime.lineage.current()
    this.#labels = {
      ...lineLabels(line),
      ...expiryLabels(undefined, line).labels,
      tw_run: of.run,
    }
  }

  async build(plan: CanvasPlan): Promise<Graph> {
    const { input } = this.#of
    const sink = await this.#part(plan, { after: undefined, side: undefined, input })
    const end = this.#add({ kind: 'end', sources: [sink, ...this.#ends] })
    const names = this.#nodes.flatMap(({ kind, name }) => (kind === 'task' ? (name ?? []) : []))
    const name = `${names.slice(0, 3).join(', ')}${names.length > 3 ? ', …' : ''}`
    return { nodes: this.#nodes, sink, end, failFast: this.#failFast, name }
  }

  #add(node: Omit<DraftNode, 'ord'>): number {
    const ord = this.#nodes.length
    this.#nodes.push({ ord, ...node })
    return ord
  }

  /** Adds a part with its side steps; the ordinal of its sink. */
  async #part(plan: CanvasPlan, place: Place): Promise<number> {
    if (this.#open.has(plan)) throw new InvalidInputError('a canvas cannot hold itself.')
    if (this.#open.size > deepest)
      throw new InvalidInputError(`a canvas is nested at most ${deepest} deep.`)
    this.#open.add(plan)
    const lo = this.#nodes.length
    let sink = await this.#main(plan, place)
    const hi = this.#nodes.length - 1
    const { side } = place
    if (plan.failFast === true) this.#failFast.push({ lo, hi })
    for (const step of plan.onFailure ?? [])
      await this.#side(step, { gate: 'failure', source: sink, lo, hi, side })
    // A task carries its policy itself.
    if (plan.kind !== 'task' && plan.policy !== undefined && plan.policy !== 'stop') {
      sink = this.#add({ kind: 'gate', gate: plan.policy, sources: [sink], lo, hi, side })
      // Those within have lower ordinals; inner gates have claimed theirs already.
      for (let ord = lo; ord < sink; ord++) {
        const node = this.#nodes[ord]
        if (node?.under === undefined) this.#nodes[ord] = { ...node, under: sink } as DraftNode
      }
    }
    this.#open.delete(plan)
    return sink
  }

  async #main(plan: CanvasPlan, place: Place): Promise<number> {
    switch (plan.kind) {
      case 'task':
        return this.#task(plan, place)
      case 'map':
        return this.#task(mapPlan(plan.step), place)
      case 'chain':
        return this.#chain(plan, place)
      case 'group':
        return this.#group(plan, place)
      default:
        throw new InvalidInputError(
          `there is no canvas of kind '${String((plan as { kind?: unknown } | null)?.kind)}'.`,
        )
    }
  }

  async #chain({ steps }: ListPlan, place: Place): Promise<number> {
    if (steps.length === 0) throw new InvalidInputError('a chain has at least one step.')
    let { after, input } = place
    for (const step of steps) {
      after = await this.#part(step, { after, input, side: place.side })
      input = []
    }
    return after ?? 0
  }

  async #group({ steps }: ListPlan, place: Place): Promise<number> {
    const { after, side } = place
    if (steps.length === 0) {
      const sources = after === undefined ? [] : [after]
      return this.#add({ kind: 'join', empty: true, sources, side })
    }
    const sources: number[] = []
    for (const step of steps) sources.push(await this.#part(step, place))
    return this.#add({ kind: 'join', sources, side })
  }

  async #side(
    plan: CanvasPlan,
    of: {
      readonly gate: GateKind
      readonly source: number
      readonly lo?: number
      readonly hi?: number
      readonly side: number | undefined
    },
  ): Promise<void> {
    const { gate, source, lo, hi, side } = of
    const ord = this.#add({ kind: 'gate', gate, sources: [source], lo, hi, side })
    this.#ends.push(await this.#part(plan, { after: ord, side: ord, input: [] }))
  }

  async #task(plan: TaskPlan, place: Place): Promise<number> {
    const { after, side, input } = place
    const task = this.#known(plan.task)
    const takes = plan.open && after !== undefined
    const outgoing = await this.#outgoing(task, { plan, takes, input })
    const { policy } = plan
    const sources = after === undefined ? [] : [after]
    const ord = this.#add({ kind: 'task', sources, side, policy, takes, name: task.name, outgoing })
    for (const step of plan.onError ?? [])
      await this.#side(step, { gate: 'error', source: ord, side })
    for (const step of plan.onSuccess ?? [])
      await this.#side(step, { gate: 'success', source: ord, side })
    return ord
  }

  #known(name: string): RegisteredTask {
    const task = this.#runtime.taskOf(name)
    if (task !== undefined) return task
    throw new InvalidInputError(
      `the canvas has a step '${name}', but this broker has no task of that name: define it, or include its set, before the canvas is sent.`,
    )
  }

  async #outgoing(
    task: RegisteredTask,
    of: {
      readonly plan: TaskPlan
      readonly takes: boolean
      readonly input: readonly unknown[]
    },
  ): Promise<Outgoing> {
    const { plan, takes, input } = of
    const { settings } = plan
    const given = plan.open ? [...input, ...plan.args] : plan.args
    // What comes from the step before is not known yet, so only the data itself is checked.
    const travelling: Travelling = takes ? { args: given, kwargs: {} } : await toTravel(task, given)
    if (takes && task.input !== undefined && given.length > 0) {
      throw new InvalidInputError(
        `task '${task.name}' takes one object, which is the result of the step before it: leave .s() empty, or use .si({ … }).`,
      )
    }
    const labels: Labels = {
      ...task.labels,
      ...(task.priority === undefined || task.priority === normalPriority
        ? {}
        : { priority: task.priority }),
      ...settings?.labels,
      ...this.#labels,
    }
    const message: Message = { id: '', task: task.name, ...travelling, labels }
    const route = {
      queue: settings?.queue ?? task.queue ?? this.#runtime.defaultQueue,
      priority: priorityNumber(labels['priority']) ?? normalPriority,
      delay: settings?.delay,
      gates: stepGates(task, { takes, given }),
    }
    return { message, route }
  }
}

/**
 * The gates of a step. Its message waits in the store, so what its keys are made of must be known when the
 * canvas is sent. @throws InvalidInputError
 */
function stepGates(
  task: RegisteredTask,
  { takes, given }: { readonly takes: boolean; readonly given: readonly unknown[] },
): readonly Gate[] | undefined {
  const { name, unique, gates } = task
  if (unique !== undefined) {
    throw new InvalidInputError(
      `task '${name}' is unique, debounced or throttled: a step of a workflow cannot be left out for another message. Use a task without.`,
    )
  }
  if (gates === undefined) return undefined
  if (takes && gates.some(({ key }) => key !== undefined)) {
    throw new InvalidInputError(
      `task '${name}' has a limit by key, which is made of its arguments, but as this step it takes the result of the step before it. Use .si(…), or a task with one limit for all.`,
    )
  }
  return gatesOf(task, gates, given)
}
