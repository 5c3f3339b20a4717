import assert from 'node:assert/strict'
import type { Delivery } from '../../core/delivery.ts'
import { nodeId, readNodeId } from '../../core/node-id.ts'
import type { NodePart, Settlement, SettleStatus } from '../../core/settlement.ts'
import type { OpenTransport } from '../../core/vendor.ts'
import type { RunHead, WorkflowNode, WorkflowStore } from '../../core/workflow-store.ts'
import type { TransportHarness } from '../transport/harness.ts'
import { look, longExpiry, resultOf, succeeded } from '../transport/verbs.ts'

/** A run under test: its store, and what a worker does with its messages. */
export class Stage {
  readonly open: OpenTransport
  readonly store: WorkflowStore
  readonly run: string
  readonly #harness: TransportHarness
  /** Runs of which the store said that something is left to do. */
  readonly left: Set<string> = new Set()

  private constructor(harness: TransportHarness, open: OpenTransport, run: string) {
    const { workflows } = open
    assert.ok(workflows)
    this.open = open
    this.store = workflows
    this.run = run
    this.#harness = harness
    workflows.onMore((id) => this.left.add(id))
  }

  /** A stage with a run that nobody has put a node of. */
  static async of(harness: TransportHarness): Promise<Stage> {
    return new Stage(harness, await harness.open(), harness.id().slice(-20))
  }

  /** Puts nodes and seals them; the last one is the end. */
  async send(nodes: readonly WorkflowNode[], more: Partial<RunHead> = {}): Promise<void> {
    await this.store.put(this.run, nodes)
    await this.store.seal(this.run, headOf(nodes, more))
    await this.pump()
  }

  /** Goes on until nothing is left to do. */
  async pump(): Promise<void> {
    this.left.delete(this.run)
    while ((await this.store.pump(this.run)).more);
  }

  /** Claims what there is: ordinals and deliveries. */
  async claim(): Promise<Map<number, Delivery>> {
    const found = await look(this.#harness, this.open.transport, { room: 1000 })
    return new Map(found.map((delivery) => [readNodeId(delivery.id)?.ord ?? -1, delivery]))
  }

  /** The ordinals of what is claimed now. */
  async released(): Promise<number[]> {
    return [...(await this.claim()).keys()].sort((a, b) => a - b)
  }

  /** Ends one node and goes on with the run. */
  async end(
    delivery: Delivery,
    more: Partial<NodePart> & { body?: string } = {},
  ): Promise<SettleStatus> {
    const [status = 'gone'] = await this.open.transport.settle([this.settlement(delivery, more)])
    await this.pump()
    return status
  }

  /** How a node's message ends. */
  settlement(
    delivery: Delivery,
    { body, ...more }: Partial<NodePart> & { body?: string } = {},
  ): Settlement {
    const place = readNodeId(delivery.id)
    assert.ok(place)
    const { verdict = 'ok' } = more
    return {
      claim: delivery,
      outcome:
        verdict === 'ok' ? succeeded : { kind: 'setAside', reason: 'failed', detail: 'it failed' },
      ...(more.graft === undefined ? { result: resultOf(delivery, body ?? `v${place.ord}`) } : {}),
      node: { ...place, verdict, ...more },
    }
  }

  /** Claims what there is and ends all of it. */
  async endAll(): Promise<number[]> {
    const claimed = await this.claim()
    for (const delivery of claimed.values()) assert.equal(await this.end(delivery), 'settled')
    return [...claimed.keys()].sort((a, b) => a - b)
  }

  /** The states of all nodes, by ordinal. */
  async states(): Promise<string[]> {
    const nodes = await this.store.nodes(this.run, { from: 0, limit: 1000 })
    return nodes.map(({ state }) => state)
  }

  async state(): Promise<string | undefined> {
    return (await this.store.read(this.run))?.state
  }

  id(ord: number, gen = 0): string {
    return nodeId({ run: this.run, ord, gen })
  }
}

/** What is said of a graph whose last node is its end, and whose sink is that one's first source. */
export function headOf(nodes: readonly WorkflowNode[], more: Partial<RunHead> = {}): RunHead {
  const end = nodes.at(-1)
  return {
    name: 'run',
    count: nodes.length,
    sink: end?.sources[0] ?? 0,
    end: end?.ord ?? 0,
    failFast: [],
    results: { succeeded: 'S', failed: 'F', cancelled: 'C', skipped: 'K' },
    resultTtl: longExpiry,
    keep: { succeeded: longExpiry, failed: longExpiry },
    ...more,
  }
}

/** A task node for the harness's queue. */
export function task(
  harness: TransportHarness,
  ord: number,
  more: Partial<WorkflowNode> = {},
): WorkflowNode {
  const sources = more.sources ?? []
  return {
    ord,
    kind: 'task',
    sources,
    takes: sources.length > 0,
    name: `task${ord}`,
    message: { queue: harness.queue, priority: 4, body: `m${ord}` },
    ...more,
  }
}

export function join(
  ord: number,
  sources: readonly number[],
  more: Partial<WorkflowNode> = {},
): WorkflowNode {
  return { ord, kind: 'join', sources, ...more }
}

export function gate(
  ord: number,
  source: number,
  more: Partial<WorkflowNode> & Pick<WorkflowNode, 'gate'>,
): WorkflowNode {
  return { ord, kind: 'gate', sources: [source], ...more }
}

export function end(ord: number, sources: readonly number[]): WorkflowNode {
  return { ord, kind: 'end', sources }
}
