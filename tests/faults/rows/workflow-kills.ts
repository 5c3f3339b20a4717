/**
 * Row 30: random workflows on three worker processes that are killed (or, where no worker sweeps, stopped
 * beyond their leases) all the time; each generation is held against the evaluator of the tree.
 */
import { fork, type ChildProcess } from 'node:child_process'
import { isDeepStrictEqual } from 'node:util'
import { join } from 'node:path'
import { seededRandom, type Broker, type CanvasPlan, type WorkflowHandle } from 'taskwright'
import {
  evaluate,
  randomCanvas,
  type Before,
  type RandomCanvas,
} from '../../support/workflow-model.ts'
import type { Outcome } from '../row.ts'
import type { StageOptions } from '../stage.ts'
import { sweepKeys } from '../sweep-keys.ts'
import { pause } from '../worker/pause.ts'
import { workflowBroker, type WorkflowFate, type WorkflowPlan } from '../worker/workflow-process.ts'

/** How much of it. */
export interface WorkflowKills {
  readonly engine: 'sqlite' | 'redis'
  readonly runs: number
  readonly sweeps: boolean
}

const tasks = 40
const workers = 3
const patience = 120_000
const atOnce = 10

/** Runs it. */
export async function workflowKills(
  { program, seed, log }: Pick<StageOptions, 'program' | 'seed' | 'log'>,
  { engine, runs, sweeps }: WorkflowKills,
): Promise<Outcome> {
  const random = seededRandom(seed)
  const draw = (below: number): number => Math.floor(random.next() * below)
  const prefix = `faults-workflows-${process.pid}-${seed}-`
  const plan: WorkflowPlan = {
    tasks,
    sweeps,
    store:
      engine === 'sqlite'
        ? { kind: 'sqlite', file: join(program.scratch('workflows'), 'tasks.db') }
        : { kind: 'redis', url: process.env['REDIS_URL'] ?? 'redis://127.0.0.1:6379', prefix },
  }
  const broker = workflowBroker(plan)
  await broker.start()
  const fleet = new Fleet(program.entry('workflow-process.ts'), plan)
  const faults: string[] = []
  let [generations, done] = [0, 0]
  const striking = fleet.strike(sweeps ? 'kill' : 'stop', draw)
  try {
    const canvases = Array.from({ length: runs }, () => drawn(draw))
    const next = canvases.entries()
    await Promise.all(
      Array.from({ length: atOnce }, async () => {
        for (const [i, canvas] of next) {
          try {
            const took = await play(broker, canvas)
            generations += took
          } catch (error) {
            faults.push(`run ${i}: ${(error as Error).message.slice(0, 400)}`)
          }
          if (++done % 25 === 0) log(`${done} runs, ${fleet.strikes} strikes`)
        }
      }),
    )
  } finally {
    fleet.closing = true
    await striking
    await fleet.close()
    await broker.stop()
    if (plan.store.kind === 'redis') await sweepKeys(plan.store)
  }
  return { faults, facts: { runs, generations, strikes: fleet.strikes } }
}

/** A canvas of at most as many tasks as there are. */
function drawn(draw: (below: number) => number): RandomCanvas {
  for (;;) {
    const canvas = randomCanvas(draw, 1 + draw(30))
    if (canvas.fates.size <= tasks) return canvas
  }
}

/** Sends a canvas, and resumes it until it succeeds; how many generations it took. */
async function play(broker: Broker, canvas: RandomCanvas): Promise<number> {
  const handle = await broker.canvas(told(canvas, canvas.plan)).kiq()
  let before: Before = new Map()
  for (let gen = 0; ; gen++) {
    const outcome = await handle.waitResult({ timeout: patience })
    const expected = evaluate(canvas, gen, before)
    before = await standing(handle)
    if (outcome.status !== expected.run)
      throw new Error(`generation ${gen} ${outcome.status}, not ${expected.run}`)
    for (const [name, state] of expected.states) {
      if (before.get(name) !== state)
        throw new Error(`generation ${gen}: ${name} is ${String(before.get(name))}, not ${state}`)
    }
    if (!outcome.isErr) {
      // What a failure says as data is more than its task.
      const value = JSON.stringify(plain(outcome.returnValue))
      if (!isDeepStrictEqual(JSON.parse(value), JSON.parse(JSON.stringify(expected.value))))
        throw new Error(`its value is ${value}, not ${JSON.stringify(expected.value)}`)
      return gen + 1
    }
    if (gen > 3) return gen + 1
    await handle.resume()
  }
}

async function standing(handle: WorkflowHandle<unknown>): Promise<Before> {
  const nodes = await handle.nodes()
  return new Map(
    nodes.flatMap(({ kind, name, status }) => (kind === 'task' ? [[name, status]] : [])),
  )
}

/** The plan with what each task does as its last argument. */
function told(canvas: RandomCanvas, plan: CanvasPlan): CanvasPlan {
  const each = (list: readonly CanvasPlan[] | undefined): CanvasPlan[] | undefined =>
    list?.map((one) => told(canvas, one))
  if (plan.kind === 'map') return plan
  const onFailure = each(plan.onFailure)
  if (plan.kind !== 'task') return { ...plan, steps: each(plan.steps) ?? [], onFailure }
  const fate = canvas.fates.get(plan.task)
  const arg: WorkflowFate = {
    name: plan.task,
    failsUntil: fate?.failsUntil ?? 0,
    expands: fate?.expands === undefined ? null : told(canvas, fate.expands),
    takes: plan.task.length * 2,
  }
  const sides = { onError: each(plan.onError), onSuccess: each(plan.onSuccess) }
  return { ...plan, args: [arg], ...sides, onFailure }
}

function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null) return value
  if ('isErr' in value && 'taskName' in value) return { failed: value.taskName }
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, plain(one)]))
}

/** The worker processes: one that is killed is started anew. */
class Fleet {
  strikes = 0
  closing = false
  readonly #entry: string
  readonly #plan: WorkflowPlan
  readonly #children = new Set<ChildProcess>()

  constructor(entry: string, plan: WorkflowPlan) {
    this.#entry = entry
    this.#plan = plan
    for (let i = 0; i < workers; i++) this.#start()
  }

  async strike(how: 'kill' | 'stop', draw: (below: number) => number): Promise<void> {
    while (!this.closing) {
      await pause(400 + draw(1200))
      const child = [...this.#children][draw(this.#children.size)]
      if (child === undefined || this.closing) continue
      this.strikes++
      if (how === 'kill') child.kill('SIGKILL')
      else {
        child.kill('SIGSTOP')
        await pause(1500)
        child.kill('SIGCONT')
      }
    }
  }

  async close(): Promise<void> {
    const gone = [...this.#children].map(
      (child) => new Promise<void>((resolve) => child.once('exit', () => resolve())),
    )
    for (const child of this.#children) child.kill('SIGTERM')
    const late = pause(8000).then(() => {
      for (const child of this.#children) child.kill('SIGKILL')
    })
    await Promise.race([Promise.all(gone), late])
  }

  #start(): void {
    const child = fork(this.#entry, [], {
      env: { ...process.env, WORKFLOW_PLAN: JSON.stringify(this.#plan) },
      execArgv: [],
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    })
    this.#children.add(child)
    child.once('exit', () => {
      this.#children.delete(child)
      if (!this.closing) this.#start()
    })
  }
}
