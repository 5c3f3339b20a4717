import type { RedisArgument } from '../connections/redis/redis-client.ts'
import { InvalidInputError } from '../core/errors.ts'
import type { NodePart, Settlement, SettleStatus } from '../core/settlement.ts'
import { ClaimBatch } from './claim-batch.ts'
import type { StreamEntries } from './read-streams.ts'
import type { RedisStore } from './redis-store.ts'
import { settleScript } from './scripts/settle-script.ts'
import { checkEnvelope, messageArguments, needsId, wholeMs } from './send.ts'
import { life, statusOf } from './settle-answer.ts'
import { isPlain, PlainBatch } from './settle-plain.ts'
import { toWire } from './wire-body.ts'

/**
 * The most deliveries, and about the most bytes, that one script ends; and of those that are not plain (steps of
 * workflows, retries, limits), which cost Redis several times as much.
 */
const most = { deliveries: 256, bytes: 1_000_000, others: 50 }

/** What a settle may claim besides, and what it has claimed. */
export interface SettleClaims {
  readonly streams: readonly string[]
  readonly consumer: string
  /** How many more. */
  room: number
  /** As XREADGROUP answers it. */
  readonly found: StreamEntries[]
  /** The take-back count at the claim. */
  takenBack: number
}

/** Ends deliveries; all of one is written, or nothing of it. @throws StoreError */
export async function settle(
  store: RedisStore,
  settlements: readonly Settlement[],
  claims?: SettleClaims,
): Promise<readonly SettleStatus[]> {
  const [first = [], ...others] = parts(settlements)
  const answers = await settlePart(store, first, claims)
  for (const part of others) answers.push(...(await settlePart(store, part, claims)))
  return answers
}

async function settlePart(
  store: RedisStore,
  part: readonly Settlement[],
  claims: SettleClaims | undefined,
): Promise<SettleStatus[]> {
  const answers: SettleStatus[] = Array.from({ length: part.length }, () => 'gone')
  const plain: PlainBatch[] = []
  const others: { readonly settlement: Settlement; readonly place: number }[] = []
  let place = -1
  for (const settlement of part) {
    place++
    if (!isPlain(settlement)) {
      others.push({ settlement, place })
      continue
    }
    let batch = plain.find((one) => one.takes(settlement))
    if (batch === undefined) plain.push((batch = new PlainBatch(settlement)))
    batch.add(settlement, place)
  }
  const runs = plain.map((batch) => batch.run(store, answers))
  for (let i = 0; i < others.length; i += most.others)
    runs.push(settleOthers(store, { of: others.slice(i, i + most.others), answers, claims }))
  // Nearly always one: each promise counts here.
  if (runs.length === 1) await runs[0]
  else await Promise.all(runs)
  return answers
}

interface Others {
  readonly of: readonly { readonly settlement: Settlement; readonly place: number }[]
  readonly answers: SettleStatus[]
  readonly claims: SettleClaims | undefined
}

async function settleOthers(
  store: RedisStore,
  { of: others, answers, claims }: Others,
): Promise<void> {
  const { keys, args } = settleArguments(
    store,
    others.map(({ settlement }) => settlement),
  )
  const room = Math.min(claims?.room ?? 0, others.length)
  args.push(room)
  if (claims !== undefined && room > 0) {
    claims.room -= room
    args.push(claims.consumer, claims.streams.length, ...claims.streams)
  }
  const answer = await store.commit(settleScript, keys, args)
  const [letters, unfinished, claimed, takenBack] = (
    Array.isArray(answer) ? answer : [String(answer), [], [], '']
  ) as SettleAnswer
  for (const run of unfinished) store.onUnfinished(run)
  if (claims !== undefined && claimed.length > 0) {
    claims.found.push(...claimed)
    // Of several scripts the latest count: it only rises, and what was claimed before it rose is asked about.
    claims.takenBack = Math.max(claims.takenBack, Number(takenBack))
  }
  for (const [i, { place }] of others.entries()) answers[place] = statusOf(letters[i])
}

type SettleAnswer = [
  letters: string,
  unfinished: readonly string[],
  claimed: readonly StreamEntries[],
  takenBack: string,
]

function settleArguments(
  store: RedisStore,
  settlements: readonly Settlement[],
): { keys: string[]; args: RedisArgument[] } {
  const batch = new ClaimBatch(store)
  const items: RedisArgument[] = []
  for (const settlement of settlements) {
    const { claim, outcome, result, followUps = [], node } = settlement
    const { stream, entry, count } = batch.add(claim)
    const parts = [result && 'r', followUps.length > 0 && 'f', node && 'n']
    const more = parts.filter((part) => typeof part === 'string').join('')
    items.push(stream, entry, count, letterOf[outcome.kind] + more, claim.id)
    if (outcome.kind === 'retry') {
      const { body, queue = claim.queue, delay } = outcome
      const how = needsId(claim.id, body) ? 'i' : ''
      items.push(batch.queue(queue), toWire(body), how, wholeMs(delay))
    } else if (outcome.kind === 'setAside') items.push(outcome.reason, outcome.detail)
    if (result !== undefined) items.push(life(result.expiresIn), toWire(result.body))
    if (followUps.length > 0) {
      items.push(followUps.length)
      for (const envelope of followUps) items.push(...messageArguments(batch, envelope))
    }
    if (node !== undefined) items.push(...nodeArguments(node))
  }
  return { keys: batch.keys(), args: [...batch.head(), settlements.length, ...items] }
}

/** A node part as the script reads it. */
function nodeArguments(node: NodePart): RedisArgument[] {
  const { run, ord, gen, verdict, value, graft, guessed } = node
  return [
    run,
    ord,
    gen,
    verdict === 'ok' ? 1 : 0,
    guessed === true ? 1 : 0,
    ...(value === undefined ? [0] : [1, toWire(value)]),
    ...(graft === undefined ? [0] : [1, graft.lo, graft.hi, graft.end, graft.sink]),
  ]
}

const letterOf = { succeeded: 'S', cancelled: 'C', retry: 'R', setAside: 'D' } as const

function* parts(settlements: readonly Settlement[]): Generator<readonly Settlement[]> {
  let from = 0
  let bytes = 0
  for (const [i, settlement] of settlements.entries()) {
    const size = sizeOf(settlement)
    if (i > from && (i - from >= most.deliveries || bytes + size > most.bytes)) {
      yield settlements.slice(from, i)
      from = i
      bytes = 0
    }
    bytes += size
  }
  if (from < settlements.length) yield settlements.slice(from)
}

function sizeOf({ outcome, result, followUps = [] }: Settlement): number {
  let size = 100 + (result?.body.length ?? 0)
  if (outcome.kind === 'retry') size += outcome.body.length
  for (const { body } of followUps) size += body.length
  return size
}

/**
 * Checks a settlement before anything is written.
 * @throws InvalidInputError for what no store could keep.
 */
export function checkSettlement({ claim, outcome, followUps }: Settlement): void {
  if (outcome.kind === 'retry' && Number.isNaN(outcome.delay)) {
    throw new InvalidInputError(`message ${claim.id}: the delay of a retry is milliseconds.`)
  }
  for (const envelope of followUps ?? []) checkEnvelope(envelope)
}
