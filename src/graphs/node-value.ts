import type { NodeValue, StartAnswer } from '../core/workflow-store.ts'
import type { NodePlace } from '../core/node-id.ts'
import { blocks } from './node-record.ts'
import type { GraphRows, NodeRecord } from './run-rows.ts'

/** Above so many values, or so many bytes of them, a list is handed out by its ordinal. */
const inline = { values: 64, bytes: 16_384 }

/** How much may still be handed out as it is. */
interface Room {
  values: number
  bytes: number
}

/** The value of a node, or its failure; lists that are large by their ordinal. */
export function valueOf(rows: GraphRows, run: string, ord: number): NodeValue {
  const node = rows.node(run, ord)
  return node === undefined ? null : read(rows, run, { node, room: { ...inline } })
}

/** Values of the sources of a join, in order. */
export function valuesOf(
  rows: GraphRows,
  run: string,
  { ord, from, limit }: { ord: number; from: number; limit: number },
): NodeValue[] {
  if (rows.node(run, ord)?.empty !== false) return []
  return rows.sources(run, ord, { from, limit }).map((source) => valueOf(rows, run, source))
}

/** Whether the message of a node may run, and with what. */
export function startOf(rows: GraphRows, { run: id, ord, gen }: NodePlace): StartAnswer {
  const run = rows.run(id)
  if (run === undefined) return refused('its workflow is not kept any more')
  if (run.state === 'cancelled')
    return refused(`its workflow was cancelled: ${run.reason ?? 'cancelled'}`)
  const node = rows.node(id, ord)
  if (run.state !== 'running' || run.gen !== gen || node?.state !== 'released' || node.gen !== gen)
    return refused('its workflow has gone on without it')
  const [source = null] = rows.sources(id, ord, { from: 0, limit: 1 })
  if (source === null || !node.takes) return { start: true, source }
  return { start: true, source, input: valueOf(rows, id, source) }
}

function refused(reason: string): StartAnswer {
  return { start: false, reason }
}

function read(
  rows: GraphRows,
  run: string,
  { node, room }: { node: NodeRecord; room: Room },
): NodeValue {
  const inner = (ord: number): NodeValue => {
    const found = rows.node(run, ord)
    return found === undefined ? null : read(rows, run, { node: found, room })
  }
  if (node.kind === 'join' && !blocks(node)) {
    if (node.empty || node.width === 0) return []
    if (node.width > room.values) return { list: node.ord, size: node.width }
    const list = rows.sources(run, node.ord, { from: 0, limit: node.width }).map(inner)
    // Found out by reading it: never more than a page of them.
    return room.bytes < 0 ? { list: node.ord, size: node.width } : list
  }
  if (node.kind === 'gate' && !blocks(node)) return gateValue(rows, run, { node, inner })
  if (node.kind === 'task' && node.state === 'failed' && node.policy === 'allow') return null
  if (node.kind !== 'task' || node.state !== 'succeeded') return failureOf(rows, run, node)
  if (node.graft !== null) return inner(node.graft)
  const body = rows.value(run, node.ord)
  room.values--
  room.bytes -= body?.length ?? 0
  return body
}

function gateValue(
  rows: GraphRows,
  run: string,
  { node, inner }: { node: NodeRecord; inner: (ord: number) => NodeValue },
): NodeValue {
  const { gate, cause } = node
  if (cause !== null) {
    if (gate === 'allow') return null
    const blamed = rows.node(run, cause)
    return blamed === undefined ? null : failureOf(rows, run, blamed)
  }
  const [source] = rows.sources(run, node.ord, { from: 0, limit: 1 })
  return source === undefined ? null : inner(source)
}

/** Which task is to blame: what was skipped has its cause, what expanded has it in its own graph. */
function failureOf(rows: GraphRows, run: string, node: NodeRecord): NodeValue {
  const body = rows.value(run, node.ord)
  const { cause, ord, gen, name } = node
  if ((node.kind === 'task' && body !== null) || cause === null || cause === ord)
    return { failed: ord, gen, name, body }
  const blamed = rows.node(run, cause)
  return blamed === undefined ? { failed: ord, gen, name, body } : failureOf(rows, run, blamed)
}
