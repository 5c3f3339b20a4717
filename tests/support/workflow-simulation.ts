/**
 * Random canvases on a real store, driven by simulated workers that die, settle twice, lose leases and
 * come late; with cancels and resumes. Every generation is held against the evaluator.
 */
import { deepStrictEqual, ok } from 'node:assert/strict'
import { createBroker } from '../../src/broker/create-broker.ts'
import { compile } from '../../src/broker/canvas/compile.ts'
import { writeGraph } from '../../src/broker/canvas/write-graph.ts'
import type { CanvasPlan } from '../../src/broker/canvas/plan.ts'
import { runtimeOf } from '../../src/broker/runtime.ts'
import type { Clock } from '../../src/core/clock.ts'
import type { Delivery } from '../../src/core/delivery.ts'
import { silentLogger } from '../../src/core/logger.ts'
import { nodeId, readNodeId } from '../../src/core/node-id.ts'
import { seededRandom } from '../../src/core/random.ts'
import type { Settlement } from '../../src/core/settlement.ts'
import type { OpenTransport, TransportFactory } from '../../src/core/vendor.ts'
import type { NodeValue } from '../../src/core/workflow-store.ts'
import {
  evaluate,
  randomCanvas,
  type Before,
  type Expected,
  type RandomCanvas,
} from './workflow-model.ts'

/** How a simulation is made. */
export interface SimulationOptions {
  readonly factory: TransportFactory
  readonly clock: Clock
  readonly size: number
  /** Whether what is left to do is found by sweeps only, or pumped as it is told. */
  readonly sweeperOnly?: boolean | undefined
}

/** What a simulation saw. */
export interface Simulated {
  readonly runs: number
  readonly generations: number
  readonly expansions: number
}

/** One canvas by seed. @throws AssertionError that names what differs. */
export async function simulateWorkflow(
  seed: number,
  options: SimulationOptions,
): Promise<Simulated> {
  const random = seededRandom(seed)
  const draw = (below: number): number => Math.floor(random.next() * below)
  const canvas = randomCanvas(draw, 1 + draw(options.size))
  let opened: OpenTransport | undefined
  const broker = createBroker({
    transport: {
      ...options.factory,
      create: (around) => (opened = options.factory.create(around)),
    },
    clock: options.clock,
    random: seededRandom(seed + 1),
    logger: silentLogger,
    lineage: false,
  })
  for (const name of canvas.fates.keys()) broker.task(name, async () => {})
  await broker.start()
  try {
    ok(opened)
    return await new Simulation(canvas, { ...options, draw, open: opened, broker }).go()
  } finally {
    await broker.stop()
  }
}

interface Around extends SimulationOptions {
  readonly draw: Draw
  readonly open: OpenTransport
  readonly broker: ReturnType<typeof createBroker>
}
type Draw = (below: number) => number

const never = new AbortController().signal

class Simulation {
  readonly #canvas: RandomCanvas
  readonly #around: Around
  readonly #left = new Set<string>()
  readonly #stale: Settlement[] = []
  /** How often each node of each generation ran its handler to an accepted end. */
  readonly #ends = new Map<string, number>()
  readonly #inputs = new Map<string, unknown>()
  #ran = 0
  #run = ''
  #expansions = 0

  constructor(canvas: RandomCanvas, around: Around) {
    this.#canvas = canvas
    this.#around = around
    // Instead of the broker's own pump: who pumps, and when, is drawn.
    around.open.workflows?.onMore((run) => this.#left.add(run))
  }

  async go(): Promise<Simulated> {
    const { broker, draw } = this.#around
    const handle = await broker.canvas(this.#canvas.plan).kiq()
    this.#run = handle.runId
    let before: Before = new Map()
    for (let gen = 0, cancels = 0; ; gen++) {
      if (cancels < 2 && draw(4) === 0) {
        for (let i = draw(20); i > 0; i--) await this.#step()
        // What was decided by then is all that is kept: with nothing left to do it can be told from outside.
        const midStep = draw(3) === 0
        if (!midStep) while ((await this.#store.pump(this.#run)).more);
        cancels++
        const cancel = { kind: 'cancel', reason: 'drawn' } as const
        if ((await this.#store.control(this.#run, cancel)) === 'ok') {
          await this.#staysCancelled()
          before = await this.#stands()
          await this.#resume(gen)
          if (!midStep) continue
          await this.#toTheEnd()
          return { runs: this.#ran, generations: gen + 2, expansions: this.#expansions }
        }
      }
      await this.#toTheEnd()
      const expected = evaluate(this.#canvas, gen, before)
      await this.#compare(expected, gen)
      if (expected.run === 'succeeded' || gen > 3)
        return { runs: this.#ran, generations: gen + 1, expansions: this.#expansions }
      before = await this.#stands()
      await this.#resume(gen)
    }
  }

  get #store() {
    const { workflows } = this.#around.open
    ok(workflows)
    return workflows
  }

  async #resume(expected: number): Promise<void> {
    const resume = { kind: 'resume', expected } as const
    deepStrictEqual(await this.#store.control(this.#run, resume), 'ok')
    if (this.#around.draw(2) === 0) {
      const again = await this.#store.control(this.#run, resume)
      ok(again === 'conflict' || again === 'final')
    }
  }

  async #toTheEnd(): Promise<void> {
    for (let i = 0; i < 20_000; i++) {
      if (!(await this.#step())) {
        const view = await this.#store.read(this.#run)
        const left = await this.#store.sweep(100)
        if (typeof view?.endedAt === 'number') {
          deepStrictEqual(left, [], 'something is left after the end')
          return
        }
        for (const run of left) await this.#store.pump(run)
        if (left.length === 0 && !(await this.#step())) {
          const nodes = await this.#store.nodes(this.#run, { from: 0, limit: 1000 })
          const open = nodes.filter(({ endedAt }) => endedAt === null)
          throw new Error(
            `stuck in '${view?.state}': ${JSON.stringify(open.slice(0, 5))} ${JSON.stringify(await this.#store.read(this.#run))} ${JSON.stringify(nodes)}`,
          )
        }
      }
    }
    throw new Error('it does not come to an end')
  }

  /** One thing that somebody does. False when there was nothing to do. */
  async #step(): Promise<boolean> {
    const { open, draw, sweeperOnly } = this.#around
    const { transport } = open
    if (!(sweeperOnly ?? false)) {
      for (const run of [...this.#left]) {
        this.#left.delete(run)
        // Half of the time whoever was told dies at once.
        if (draw(2) === 0 && (await this.#store.pump(run)).more) this.#left.add(run)
      }
    }
    if (this.#stale.length > 0 && draw(3) === 0) {
      // A worker that was gone for a while comes back with what it has: nothing of it is taken.
      const late = this.#stale.splice(draw(this.#stale.length), 1)
      const [status] = await transport.settle(late)
      ok(status !== 'settled', 'an old claim was settled')
    }
    const deliveries = await transport.receive({
      queues: [runtimeOf(this.#around.broker).defaultQueue],
      room: 1 + draw(6),
      lease: 60_000,
      signal: never,
      wait: 0,
    })
    if (deliveries.length === 0) return false
    const batch: Settlement[] = []
    for (const delivery of shuffled(deliveries, draw)) {
      const settlement = await this.#work(delivery)
      if (draw(8) === 0) {
        // Its worker dies: the claim is given back, what it would have settled may come late.
        await transport.release([delivery])
        this.#stale.push(settlement)
      } else batch.push(settlement)
    }
    const statuses = await transport.settle(batch)
    // The answer was lost: asked again.
    if (draw(4) === 0) for (const status of await transport.settle(batch)) ok(status !== 'settled')
    for (const [i, status] of statuses.entries()) {
      const settlement = batch[i]
      if (settlement === undefined) continue
      if (
        status === 'settled' &&
        settlement.node !== undefined &&
        settlement.outcome.kind !== 'cancelled'
      ) {
        const { id } = settlement.claim
        this.#ends.set(id, (this.#ends.get(id) ?? 0) + 1)
        deepStrictEqual(this.#ends.get(id), 1, `${id} ended twice`)
      } else if (status === 'cancelled') {
        const outcome = { kind: 'cancelled', reason: 'drawn' } as const
        await transport.settle([{ claim: settlement.claim, outcome, node: settlement.node }])
      }
    }
    return true
  }

  /** What a worker does with a delivery, up to its end. */
  async #work(delivery: Delivery): Promise<Settlement> {
    const { broker } = this.#around
    const runtime = runtimeOf(broker)
    const place = readNodeId(delivery.id)
    ok(place)
    const { task } = runtime.codec.decodeMessage(delivery.body)
    const [answer] = await this.#store.check([place])
    ok(answer)
    if (!answer.start) {
      const outcome = { kind: 'cancelled', reason: answer.reason } as const
      return { claim: delivery, outcome, node: { ...place, verdict: 'failed' } }
    }
    this.#ran++
    if (answer.input !== undefined)
      this.#inputs.set(`${task}#${place.gen}`, await this.#plain(answer.input))
    const fate = this.#canvas.fates.get(task)
    const fails = (fate?.failsUntil ?? 0) > place.gen
    if (!fails && fate?.expands !== undefined) {
      this.#expansions++
      const graft = await this.#expand(fate.expands)
      return {
        claim: delivery,
        outcome: { kind: 'succeeded' },
        node: { ...place, verdict: 'ok', graft },
      }
    }
    const input = answer.input === undefined ? '' : await this.#plain(answer.input)
    const record = {
      status: fails ? ('failed' as const) : ('succeeded' as const),
      value: fails ? null : { of: task, input },
      executionTime: 0,
      labels: {},
      error: fails ? { name: 'Error', message: task } : null,
    }
    return {
      claim: delivery,
      outcome: fails
        ? { kind: 'setAside', reason: 'failed', detail: 'drawn' }
        : { kind: 'succeeded' },
      result: {
        id: delivery.id,
        body: runtime.resultCodec.encodeResult(record),
        expiresIn: 60_000,
      },
      node: { ...place, verdict: fails ? 'failed' : 'ok' },
    }
  }

  async #expand(plan: CanvasPlan) {
    const runtime = runtimeOf(this.#around.broker)
    const { nodes, sink, end } = await compile(runtime, plan, { run: this.#run, input: [] })
    const lo = await this.#store.reserve(this.#run, nodes.length)
    await writeGraph(runtime, nodes, { run: this.#run, lo })
    return { lo, hi: lo + nodes.length - 1, end: lo + end, sink: lo + sink }
  }

  async #plain(value: NodeValue): Promise<unknown> {
    const { resultCodec } = runtimeOf(this.#around.broker)
    if (value === null) return null
    if (typeof value === 'string' || value instanceof Uint8Array) {
      return resultCodec.decodeResult(value).value
    }
    if ('failed' in value) return { failed: value.name }
    if (!('list' in value)) return Promise.all(value.map((item) => this.#plain(item)))
    const page = { ord: value.list, from: 0, limit: value.size }
    return this.#plain(await this.#store.values(this.#run, page))
  }

  /** After an acknowledged cancel no step may start, whatever was left to do. */
  async #staysCancelled(): Promise<void> {
    const nodes = await this.#store.nodes(this.#run, { from: 0, limit: 10_000 })
    while ((await this.#store.pump(this.#run)).more);
    const later = await this.#store.nodes(this.#run, { from: 0, limit: 10_000 })
    deepStrictEqual(later, nodes, 'it went on after the cancel')
    for (const node of nodes) {
      const [answer] = await this.#store.check([{ run: this.#run, ord: node.ord, gen: node.gen }])
      deepStrictEqual(answer?.start, false, 'a step started after the cancel')
    }
  }

  /** How all tasks stand. */
  async #stands(): Promise<Before> {
    const nodes = await this.#store.nodes(this.#run, { from: 0, limit: 10_000 })
    return new Map(
      nodes.flatMap(({ kind, name, state }) => (kind === 'task' ? [[name, state]] : [])),
    )
  }

  async #compare(expected: Expected, gen: number): Promise<void> {
    const view = await this.#store.read(this.#run)
    ok(view)
    deepStrictEqual(sorted(await this.#stands()), sorted(expected.states), 'states')
    deepStrictEqual(view.state, expected.run)
    const inputs = new Map<string, unknown>()
    for (const [key, input] of this.#inputs) {
      const [name = '', of] = key.split('#')
      if (of === String(gen)) inputs.set(name, input)
    }
    deepStrictEqual(sorted(inputs), sorted(expected.inputs), 'inputs')
    if (expected.run === 'succeeded') {
      const value = await this.#store.value(this.#run, view.sink)
      deepStrictEqual(await this.#plain(value), expected.value)
    }
    const id = nodeId({ run: this.#run, ord: view.end, gen: view.gen })
    const [told] = await this.#around.open.results.get([id])
    ok(told, 'the end was not told')
  }
}

function sorted<T>(map: ReadonlyMap<string, T>): [string, T][] {
  return [...map].sort(([a], [b]) => (a < b ? -1 : 1))
}

function shuffled<T>(list: readonly T[], draw: Draw): T[] {
  const rest = [...list]
  const out: T[] = []
  while (rest.length > 0) out.push(...rest.splice(draw(rest.length), 1))
  return out
}
