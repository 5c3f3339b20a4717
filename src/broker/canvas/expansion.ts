import type { NodePlace } from '../../core/node-id.ts'
import type { NodePart } from '../../core/settlement.ts'
import type { BrokerRuntime } from '../runtime.ts'
import { partsOf } from './canvas-parts.ts'
import { compile } from './compile.ts'
import type { CanvasPlan } from './plan.ts'
import { workflowsOf, writeGraph } from './write-graph.ts'

const expansionKey: unique symbol = Symbol.for('taskwright.expansion')

/** What `ctx.expand` gives a handler to return. */
export interface Expansion {
  readonly [expansionKey]: CanvasPlan
}

/** Says that these steps are to run in the place of the one that returns it. The type is the value that they come to. */
export function expansionOf<O>(steps: unknown): O {
  const expansion: Expansion = { [expansionKey]: partsOf(steps).plan }
  return expansion as O
}

/** Whether a handler returned an expansion. */
export function isExpansion(value: unknown): value is Expansion {
  return typeof value === 'object' && value !== null && expansionKey in value
}

/**
 * Stores the steps of an expansion under ordinals of their own. Nothing of it is seen, or runs, before
 * the node is settled with the graft: what a lost attempt stored goes with its run.
 */
export async function putExpansion(
  runtime: BrokerRuntime,
  expansion: Expansion,
  { run }: NodePlace,
): Promise<NonNullable<NodePart['graft']>> {
  const { nodes, sink, end } = await compile(runtime, expansion[expansionKey], { run, input: [] })
  const lo = await workflowsOf(runtime).reserve(run, nodes.length)
  await writeGraph(runtime, nodes, { run, lo })
  return { lo, hi: lo + nodes.length - 1, end: lo + end, sink: lo + sink }
}
