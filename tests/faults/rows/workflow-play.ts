/** Plays one random canvas on a real store: sent, cancelled, resumed, and held against the evaluator of the tree. */
import { isDeepStrictEqual } from 'node:util'
import type { Broker, CanvasPlan, WorkflowHandle, WorkflowStore } from 'taskwright'
import {
  evaluate,
  randomCanvas,
  type Before,
  type Expected,
  type RandomCanvas,
} from '../../support/workflow-model.ts'
import { pause } from '../worker/pause.ts'
import type { WorkflowFate } from '../worker/workflow-process.ts'

/** Draws whole numbers below a bound. */
export type Draw = (below: number) => number

/** A random canvas, with how often each of its tasks is tried again, and when the whole is cancelled. */
export interface Played {
  readonly canvas: RandomCanvas
  readonly retries: ReadonlyMap<string, number>
  /** Milliseconds after the beginning of a generation; each is one cancel. */
  readonly cancels: readonly number[]
}

/** What a canvas came to. */
export interface PlayedOut {
  readonly generations: number
  readonly nodes: number
  readonly cancelled: number
  /** Generations after a cancel in the middle of a step: what follows is not known from outside. */
  readonly unjudged: number
  /** How often a run stood still that only a sweep would have found. */
  readonly leftToSweeps: number
}

/** Where it is played. */
export interface Playground {
  readonly broker: Broker
  readonly store: WorkflowStore
  /** Whether workers sweep; where they do not, what they would find is pumped here, and counted. */
  readonly sweeps: boolean
}

/** The most tasks of a canvas. */
export const mostTasks = 160

const patience = 300_000
/** Milliseconds in which a run that is not left to a sweep gets on, if its workers are killed all the time. */
const stillness = 15_000
const mostGenerations = 5
const canvasesToChooseFrom = 30

/** A canvas of about a drawn number of tasks, 4 to {@link mostTasks}. */
export function drawn(draw: Draw): Played {
  const size = 4 + draw(mostTasks - 3)
  const found = Array.from({ length: canvasesToChooseFrom }, () => randomCanvas(draw, size))
    .filter(({ fates }) => fates.size >= 4 && fates.size <= mostTasks)
    .sort((a, b) => Math.abs(a.fates.size - size) - Math.abs(b.fates.size - size))
  const [canvas] = found
  if (canvas === undefined) return drawn(draw)
  const retries = new Map<string, number>()
  for (const name of canvas.fates.keys()) retries.set(name, draw(6) === 0 ? 1 + draw(2) : 0)
  const cancels = draw(4) === 0 ? Array.from({ length: 1 + draw(2) }, () => draw(800)) : []
  return { canvas, retries, cancels }
}

/** Sends a canvas, and resumes it until it succeeds. @throws Error that says what differs. */
export async function play(ground: Playground, played: Played): Promise<PlayedOut> {
  const handle = await ground.broker.canvas(told(played, played.canvas.plan)).kiq()
  const cancels = [...played.cancels]
  let [cancelled, unjudged, leftToSweeps] = [0, 0, 0]
  let before: Before | undefined = new Map()
  for (let gen = 0; ; gen++) {
    const after = cancels.shift()
    if (after !== undefined) {
      await pause(after)
      if (await handle.cancel('drawn')) {
        cancelled++
        before = (await inMidStep(handle)) ? undefined : await standing(handle)
        if (before === undefined) unjudged++
        await handle.resume()
        continue
      }
    }
    leftToSweeps += await toTheEnd(ground, handle)
    const outcome = await handle.waitResult({ timeout: patience })
    if (before !== undefined) {
      const expected = evaluate(played.canvas, gen, before)
      await compare({ handle, played, gen }, expected)
      if (!outcome.isErr) sameValue(outcome.returnValue, expected)
    }
    if (!outcome.isErr || gen >= mostGenerations) {
      const nodes = (await handle.nodes()).length
      return { generations: gen + 1, nodes, cancelled, unjudged, leftToSweeps }
    }
    before &&= await standing(handle)
    await handle.resume()
  }
}

/** Waits for the end of a generation; how often it was left to a sweep. */
async function toTheEnd(
  { store, sweeps }: Playground,
  handle: WorkflowHandle<unknown>,
): Promise<number> {
  let left = 0
  for (let waited = 0; ; waited += stillness) {
    const ended = handle.waitResult({ timeout: stillness }).then(
      () => true,
      () => false,
    )
    if (await ended) return left
    if (waited >= patience) throw new Error(`it is stuck: ${await openNodes(handle)}`)
    if (sweeps || !(await store.sweep(10_000)).includes(handle.runId)) continue
    left++
    while ((await store.pump(handle.runId)).more);
  }
}

async function compare(
  { handle, played, gen }: { handle: WorkflowHandle<unknown>; played: Played; gen: number },
  expected: Expected,
): Promise<void> {
  const status = await handle.status()
  if (status !== expected.run)
    throw new Error(`generation ${gen} ${String(status)}, not ${expected.run}`)
  const nodes = await handle.nodes()
  const stands = new Map(nodes.map((node) => [node.name, node]))
  for (const [name, state] of expected.states) {
    const node = stands.get(name)
    if (node?.status !== state)
      throw new Error(`generation ${gen}: ${name} is ${String(node?.status)}, not ${state}`)
    const runs = 1 + (played.retries.get(name) ?? 0)
    if (node.attempt !== undefined && node.attempt !== runs)
      throw new Error(`generation ${gen}: ${name} ended at run ${node.attempt}, not ${runs}`)
  }
}

function sameValue(returned: unknown, expected: Expected): void {
  // What a failure says as data is more than its task.
  const value = JSON.stringify(plain(returned)) ?? 'undefined'
  if (!isDeepStrictEqual(JSON.parse(value), JSON.parse(JSON.stringify(expected.value))))
    throw new Error(`its value is ${value}, not ${JSON.stringify(expected.value)}`)
}

async function standing(handle: WorkflowHandle<unknown>): Promise<Before> {
  const nodes = await handle.nodes()
  return new Map(
    nodes.flatMap(({ kind, name, status }) => (kind === 'task' ? [[name, status]] : [])),
  )
}

/**
 * Whether a cancel came between two steps of a wide run: a barrier or a gate had not been decided yet
 * although all before it had. What was kept of it cannot be told from its tasks.
 */
async function inMidStep(handle: WorkflowHandle<unknown>): Promise<boolean> {
  const { nodes, edges } = await handle.graph()
  const open = new Set(nodes.flatMap(({ ord, status }) => (status === 'cancelled' ? [ord] : [])))
  return nodes.some(
    ({ ord, kind }) =>
      open.has(ord) &&
      kind !== 'task' &&
      edges.filter(({ to }) => to === ord).every(({ from }) => !open.has(from)),
  )
}

async function openNodes(handle: WorkflowHandle<unknown>): Promise<string> {
  const open = (await handle.nodes()).filter(({ endedAt }) => endedAt === undefined)
  const texts = open.slice(0, 8).map(({ ord, name, status }) => `${ord} ${name} ${status}`)
  return `${String(await handle.status())}, open: ${texts.join('; ')}`
}

/** The plan with what each task does as its last argument. */
function told(played: Played, plan: CanvasPlan): CanvasPlan {
  const each = (list: readonly CanvasPlan[] | undefined): CanvasPlan[] | undefined =>
    list?.map((one) => told(played, one))
  if (plan.kind === 'map') return plan
  const onFailure = each(plan.onFailure)
  if (plan.kind !== 'task') return { ...plan, steps: each(plan.steps) ?? [], onFailure }
  const fate = played.canvas.fates.get(plan.task)
  const retries = played.retries.get(plan.task) ?? 0
  const arg: WorkflowFate = {
    name: plan.task,
    failsUntil: fate?.failsUntil ?? 0,
    retries,
    expands: fate?.expands === undefined ? null : told(played, fate.expands),
    takes: plan.task.length * 2,
  }
  const sides = { onError: each(plan.onError), onSuccess: each(plan.onSuccess) }
  const settings = retries === 0 ? undefined : { labels: { max_retries: retries + 1 } }
  return { ...plan, args: [arg], settings, ...sides, onFailure }
}

function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null) return value
  if ('isErr' in value && 'taskName' in value) return { failed: value.taskName }
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, plain(one)]))
}
