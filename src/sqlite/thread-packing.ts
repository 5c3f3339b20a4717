/**
 * Rows as columns, for the way to the database thread and back: a hundred objects of eight fields cost
 * 107 µs to copy, their columns 19 µs. A column that holds one value in all rows crosses once, numbers
 * cross as one typed array, short texts as one text. What is not rows crosses as it is.
 */
import type { Delivery } from '../core/delivery.ts'
import type { Adoption, FireState } from '../core/fire-ledger.ts'
import type { Envelope } from '../core/message.ts'
import type { Settlement } from '../core/settlement.ts'
import type { ClaimAnswer, Operation, Reply } from './operations.ts'

type Column =
  | { readonly same: unknown }
  | { readonly text: string; readonly ends: Uint32Array }
  | Float64Array
  | readonly unknown[]

/** Texts together not longer than this cross as one: each part keeps the whole in memory. */
const longestText = 65_536

/** Rows, packed. */
export interface Table {
  readonly length: number
  readonly columns: Readonly<Record<string, Column>>
}

/** An operation on its way to the thread. */
export type PackedOperation =
  | Exclude<Operation, { kind: 'send' | 'settle' | 'adopt' }>
  | { readonly kind: 'send' | 'settle' | 'adopt'; readonly table: Table }

/**
 * A reply on its way back: the deliveries of a claim and the states of plans are a table, the words of sends and
 * settles a column.
 */
export type PackedReply =
  | Reply
  | { readonly done: true; readonly table: Table; readonly next: number | null }
  | { readonly done: true; readonly states: Table }
  | { readonly done: true; readonly same: unknown; readonly length: number }

type Row = Readonly<Record<string, unknown>>

/** @internal Packs rows; the keys are those of all rows together. */
export function packTable(rows: readonly object[]): Table {
  const keys = new Set<string>()
  for (const row of rows) for (const key in row) keys.add(key)
  const columns: Record<string, Column> = {}
  for (const key of keys) columns[key] = packColumn((rows as readonly Row[]).map((row) => row[key]))
  return { length: rows.length, columns }
}

function packColumn(values: readonly unknown[]): Column {
  const [first] = values
  if (values.every((value) => value === first)) return { same: first }
  if (typeof first === 'number' && values.every((value) => typeof value === 'number'))
    return Float64Array.from(values)
  return packTexts(values) ?? values
}

function packTexts(values: readonly unknown[]): Column | undefined {
  const ends = new Uint32Array(values.length)
  let length = 0
  for (const [i, value] of values.entries()) {
    if (typeof value !== 'string') return undefined
    length += value.length
    if (length > longestText) return undefined
    ends[i] = length
  }
  return { text: values.join(''), ends }
}

/** @internal The rows of a table; a field that was undefined is left out. */
export function unpackTable({ length, columns }: Table): unknown {
  const rows: Record<string, unknown>[] = []
  for (let i = 0; i < length; i++) rows.push({})
  for (const key in columns) {
    const column = columns[key]
    if (column === undefined) continue
    if ('same' in column) {
      if (column.same !== undefined) for (const row of rows) row[key] = column.same
    } else if ('text' in column) {
      const { text, ends } = column
      for (const [i, row] of rows.entries())
        row[key] = text.slice(i === 0 ? 0 : ends[i - 1], ends[i])
    } else {
      for (const [i, row] of rows.entries()) if (column[i] !== undefined) row[key] = column[i]
    }
  }
  return rows
}

/** Packs operations. */
export function packOperation(operation: Operation): PackedOperation {
  const { kind } = operation
  if (kind === 'send' || kind === 'adopt') return { kind, table: packTable(operation.ask) }
  if (operation.kind === 'settle') {
    return { kind: 'settle', table: packTable(operation.ask.map(flatten)) }
  }
  return operation
}

/** What {@link packOperation} packed. */
export function unpackOperation(packed: PackedOperation): Operation {
  if (!('table' in packed)) return packed
  const rows = unpackTable(packed.table)
  if (packed.kind === 'adopt') return { kind: 'adopt', ask: rows as readonly Adoption[] }
  return packed.kind === 'send'
    ? { kind: 'send', ask: rows as readonly Envelope[] }
    : {
        kind: 'settle',
        ask: (rows as readonly FlatSettlement[]).map(unflatten),
      }
}

/** Packs a reply to `operation`. */
export function packReply(operation: Operation | undefined, reply: Reply): PackedReply {
  if (operation === undefined || !reply.done) return reply
  const { kind } = operation
  if (kind === 'claim') {
    const { deliveries, next } = reply.answer as ClaimAnswer
    return { done: true, table: packTable(deliveries), next }
  }
  if (kind === 'adopt' || kind === 'fireStates') {
    const states = reply.answer as readonly (FireState | null)[]
    return { done: true, states: packTable(states.map((state) => state ?? {})) }
  }
  if (kind !== 'settle' && kind !== 'send') return reply
  const statuses = reply.answer as readonly unknown[]
  const [same] = statuses
  return statuses.every((status) => status === same)
    ? { done: true, same, length: statuses.length }
    : reply
}

/** What {@link packReply} packed. */
export function unpackReply(packed: PackedReply): Reply {
  if ('states' in packed) {
    const states = unpackTable(packed.states) as readonly Partial<FireState>[]
    return {
      done: true,
      answer: states.map((state) => ('mark' in state ? (state as FireState) : null)),
    }
  }
  if ('same' in packed) {
    const answer: unknown[] = Array.from({ length: packed.length }, () => packed.same)
    return { done: true, answer }
  }
  if (!('table' in packed)) return packed
  const deliveries = unpackTable(packed.table) as readonly Delivery[]
  return { done: true, answer: { deliveries, next: packed.next } }
}

/** A settlement without objects in it, where it is of the common kind. */
interface FlatSettlement {
  readonly id: string
  readonly queue: string
  readonly token: string | number
  /** Absent: succeeded. */
  readonly outcome?: Settlement['outcome'] | undefined
  /** Absent: the id of the claim. */
  readonly resultId?: string | undefined
  readonly body?: string | Uint8Array | undefined
  readonly expiresIn?: number | undefined
  readonly followUps?: readonly Envelope[] | undefined
  readonly node?: Settlement['node']
}

/** Only what is there: each member is a column to look through. */
function flatten({ claim, outcome, result, followUps, node }: Settlement): FlatSettlement {
  const { id, queue, token } = claim
  const succeeded = outcome.kind === 'succeeded'
  if (succeeded && followUps === undefined && node === undefined) {
    if (result === undefined) return { id, queue, token }
    // Written out, as the one below: spreading costs more than the columns that are left out save.
    if (result.id === id)
      return { id, queue, token, body: result.body, expiresIn: result.expiresIn }
  }
  return {
    id,
    queue,
    token,
    outcome: succeeded ? undefined : outcome,
    resultId: result === undefined || result.id === id ? undefined : result.id,
    body: result?.body,
    expiresIn: result?.expiresIn,
    followUps,
    node,
  }
}

function unflatten(flat: FlatSettlement): Settlement {
  const { id, queue, token, outcome = { kind: 'succeeded' }, body, expiresIn = 0 } = flat
  const result = body === undefined ? undefined : { id: flat.resultId ?? id, body, expiresIn }
  return {
    claim: { id, queue, token },
    outcome,
    result,
    followUps: flat.followUps,
    node: flat.node,
  }
}
