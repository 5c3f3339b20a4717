/**
 * Random canvases, and what must come of them: an evaluator of the tree, which knows nothing of graphs,
 * edges or stores.
 */
import type { CanvasPlan, TaskPlan } from '../../src/broker/canvas/plan.ts'
import type { NodePolicy } from '../../src/core/workflow-store.ts'

/** What a task of a random canvas does, by its name. */
export interface TaskFate {
  /** It fails in generations below this. */
  readonly failsUntil: number
  /** What it returns to run in its place. */
  readonly expands: CanvasPlan | undefined
}

export interface RandomCanvas {
  readonly plan: CanvasPlan
  readonly fates: Map<string, TaskFate>
}

/** Draws whole numbers below a bound. */
export type Draw = (below: number) => number

/** A random canvas of about `size` tasks. */
export function randomCanvas(draw: Draw, size: number): RandomCanvas {
  const fates = new Map<string, TaskFate>()
  let left = size
  const policy = (): NodePolicy | undefined => (['allow', 'continue'] as const)[draw(8)]
  const task = (depth: number): TaskPlan => {
    left--
    const name = `t${fates.size}`
    fates.set(name, { failsUntil: draw(6) === 0 ? 1 + draw(3) : 0, expands: undefined })
    const sides = (): CanvasPlan[] | undefined =>
      depth > 0 && left > 0 && draw(8) === 0 ? [part(depth - 1)] : undefined
    const plan: TaskPlan = {
      kind: 'task',
      task: name,
      args: [],
      open: draw(3) > 0,
      policy: policy(),
      onError: sides(),
      onSuccess: sides(),
    }
    if (depth > 0 && left > 0 && draw(7) === 0) {
      const fate = fates.get(name)
      if (fate !== undefined) fates.set(name, { ...fate, expands: part(depth - 1) })
    }
    return plan
  }
  const part = (depth: number): CanvasPlan => {
    const kind = depth === 0 || left <= 1 ? 0 : draw(3)
    if (kind === 0) return task(depth)
    const most = Math.max(1, Math.min(left, 6))
    const length = kind === 2 && draw(12) === 0 ? 0 : 1 + draw(most)
    const steps = Array.from({ length }, () => part(depth - 1))
    return {
      kind: kind === 1 ? 'chain' : 'group',
      steps: kind === 1 && steps.length === 0 ? [task(0)] : steps,
      policy: draw(6) === 0 ? policy() : undefined,
      onFailure: left > 0 && draw(6) === 0 ? [part(depth - 1)] : undefined,
    }
  }
  return { plan: part(4), fates }
}

/** What a place hands to the next. */
export type Flow =
  | { readonly kind: 'start' }
  | { readonly kind: 'pass'; readonly value: unknown }
  | { readonly kind: 'block'; readonly cause: string; readonly blamed: string }
  | { readonly kind: 'idle' }

export type TaskState = 'succeeded' | 'failed' | 'skipped' | 'idle'

/** What must come of a canvas in one generation. */
export interface Expected {
  readonly run: 'succeeded' | 'failed'
  readonly states: Map<string, TaskState>
  /** What each task that runs is given; absent where it takes nothing. */
  readonly inputs: Map<string, unknown>
  readonly value: unknown
}

/** How the tasks stood when the generation before this one ended, or was cancelled. */
export type Before = ReadonlyMap<string, string>

/**
 * How a part is looked at: it runs; it stands in a canvas whose failure was allowed, so that all of it but
 * its side steps stays; or nothing of it is touched.
 */
type Mode = 'run' | 'absorbed' | 'untouched'

/** Where a part stands. */
interface Place {
  readonly flow: Flow
  /** Whether what it did before may be kept. */
  readonly keep: boolean
  readonly mode: Mode
}

/** What must come of a canvas in a generation. */
export function evaluate(canvas: RandomCanvas, gen: number, before: Before): Expected {
  return new Evaluation(canvas, gen, before).result()
}

const terminal: ReadonlySet<string | undefined> = new Set([
  'succeeded',
  'failed',
  'skipped',
  'idle',
])

class Evaluation {
  readonly #canvas: RandomCanvas
  readonly #gen: number
  readonly #before: Before
  #states = new Map<string, TaskState>()
  #inputs = new Map<string, unknown>()
  /** Who was to blame for the first side step that failed, in the order in which a graph is compiled. */
  #broken: string | undefined

  constructor(canvas: RandomCanvas, gen: number, before: Before) {
    this.#canvas = canvas
    this.#gen = gen
    this.#before = before
  }

  result(): Expected {
    const flow = { kind: 'start' } as const
    const out = this.#part(this.#canvas.plan, { flow, keep: true, mode: 'run' })
    return {
      run: out.kind === 'block' || this.#broken !== undefined ? 'failed' : 'succeeded',
      states: this.#states,
      inputs: this.#inputs,
      value: out.kind === 'pass' ? out.value : undefined,
    }
  }

  #part(plan: CanvasPlan, place: Place): Flow {
    if (plan.kind === 'task') return this.#task(plan, place)
    const { policy = 'stop' } = plan
    const { keep } = place
    const absorbs =
      place.mode === 'run' && keep && policy !== 'stop' && this.#wasAbsorbed(plan, place)
    const mode = absorbs ? 'absorbed' : place.mode
    const out = this.#main(plan, { ...place, mode })
    const own = mainTasks(plan)
    for (const step of plan.onFailure ?? []) {
      const open = out.kind === 'block' && own.has(out.cause)
      const flow: Flow = open ? { kind: 'pass', value: { failed: out.blamed } } : { kind: 'idle' }
      this.#side(step, { flow, keep: mode !== 'run' && keep, mode })
    }
    if (out.kind !== 'block' || policy === 'stop' || !own.has(out.cause)) return out
    return { kind: 'pass', value: policy === 'allow' ? null : { failed: out.blamed } }
  }

  /** Whether its gate has let a failure through before. */
  #wasAbsorbed(plan: CanvasPlan, place: Place): boolean {
    for (const name of mainTasks(plan)) if (!terminal.has(this.#before.get(name))) return false
    const kept = [this.#states, this.#inputs, this.#broken] as const
    this.#states = new Map()
    this.#inputs = new Map()
    const out = this.#main(plan, { ...place, mode: 'untouched' })
    ;[this.#states, this.#inputs, this.#broken] = kept
    return out.kind === 'block' && mainTasks(plan).has(out.cause)
  }

  #main(plan: CanvasPlan, place: Place): Flow {
    if (plan.kind === 'task') return this.#task(plan, place)
    if (plan.kind === 'map') throw new Error('not drawn')
    const { flow } = place
    if (plan.kind === 'chain') {
      let now = flow
      for (const step of plan.steps) now = this.#part(step, { ...place, flow: now })
      return now
    }
    if (plan.steps.length === 0)
      return flow.kind === 'start' || flow.kind === 'pass' ? { kind: 'pass', value: [] } : flow
    const flows = plan.steps.map((step) => this.#part(step, place))
    const stopped =
      flows.find(({ kind }) => kind === 'idle') ?? flows.find(({ kind }) => kind === 'block')
    if (stopped !== undefined) return stopped
    return {
      kind: 'pass',
      value: flows.map((one) => (one.kind === 'pass' ? one.value : undefined)),
    }
  }

  #task(plan: TaskPlan, place: Place): Flow {
    const { task: name, policy = 'stop', open } = plan
    const { flow, keep, mode } = place
    const fate = this.#canvas.fates.get(name)
    const stood = keep ? this.#before.get(name) : undefined
    const well = stood === 'succeeded' || (stood === 'failed' && policy !== 'stop')
    const stays = mode !== 'run' || well
    const expanded = keep && this.#hasExpanded(name)
    if (flow.kind === 'block' || flow.kind === 'idle') {
      this.#states.set(name, flow.kind === 'block' ? 'skipped' : 'idle')
      this.#sides(plan, { place, well, blamed: name, value: undefined })
      return flow
    }
    const input = flow.kind === 'pass' && open ? flow.value : ''
    if (input !== '' && !stays && !expanded) this.#inputs.set(name, input)
    const fails = stays
      ? stood === 'failed' && !expanded
      : !expanded && (fate?.failsUntil ?? 0) > this.#gen
    let blamed = name
    let inner: Flow | undefined
    if (!fails && fate?.expands !== undefined) {
      const broken = this.#broken
      this.#broken = undefined
      const inMode = mode === 'untouched' || well || mode === 'absorbed' ? 'untouched' : 'run'
      const start = { kind: 'start' } as const
      inner = this.#part(fate.expands, { flow: start, keep: expanded, mode: inMode })
      // Its end waits for the side steps in it too.
      if (this.#broken !== undefined && inner.kind !== 'block')
        inner = { kind: 'block', cause: name, blamed: this.#broken }
      this.#broken = broken
    }
    if (inner?.kind === 'block') blamed = inner.blamed
    const failed = fails || inner?.kind === 'block'
    const value = inner?.kind === 'pass' ? inner.value : { of: name, input }
    this.#states.set(name, failed ? 'failed' : 'succeeded')
    this.#sides(plan, { place, well, blamed, value })
    if (!failed) return { kind: 'pass', value }
    if (policy === 'stop') return { kind: 'block', cause: name, blamed }
    return { kind: 'pass', value: policy === 'allow' ? null : { failed: blamed } }
  }

  #sides(
    plan: TaskPlan,
    of: { place: Place; well: boolean; blamed: string; value: unknown },
  ): void {
    const state = this.#states.get(plan.task)
    const { place, well, blamed, value } = of
    const keep = place.keep && (well || place.mode !== 'run')
    const { mode } = place
    for (const step of plan.onError ?? []) {
      const flow: Flow =
        state === 'failed' ? { kind: 'pass', value: { failed: blamed } } : { kind: 'idle' }
      this.#side(step, { flow, keep, mode })
    }
    for (const step of plan.onSuccess ?? []) {
      const flow: Flow = state === 'succeeded' ? { kind: 'pass', value } : { kind: 'idle' }
      this.#side(step, { flow, keep, mode })
    }
  }

  /** What is absorbed is a canvas, and no side step of it. */
  #side(plan: CanvasPlan, place: Place): void {
    const mode = place.mode === 'untouched' ? 'untouched' : 'run'
    const out = this.#part(plan, { ...place, mode })
    if (out.kind === 'block') this.#broken ??= out.blamed
  }

  #hasExpanded(name: string): boolean {
    const plan = this.#canvas.fates.get(name)?.expands
    return plan !== undefined && [...mainTasks(plan)].some((inner) => this.#before.has(inner))
  }
}

/** Tasks that stand in a canvas itself, not beside it or in the place of another. */
function mainTasks(plan: CanvasPlan): Set<string> {
  if (plan.kind === 'task') return new Set([plan.task])
  if (plan.kind === 'map') return new Set()
  return new Set(plan.steps.flatMap((step) => [...mainTasks(step)]))
}
