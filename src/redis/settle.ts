import type { RedisArgument } from '../connections/redis/redis-client.ts'
import { InvalidInputError } from '../core/errors.ts'
import type { NodePart, Settlement, SettleStatus } from '../core/settlement.ts'
import { ClaimBatch } from './claim-batch.ts'
import type { RedisStore } from './redis-store.ts'
import { settleScript } from './scripts/settle-script.ts'
import { checkEnvelope, messageArguments, needsId, wholeMs } from './send.ts'
import { life, statusOf } from './settle-answer.ts'
import { isPlain, PlainBatch } from './settle-plain.ts'
import { isDoubtful, toWire } from './wire-body.ts'

/**
 * The most deliveries, and about the most bytes, that one script ends; and of those that are not plain (steps of
 * workflows, retries, limits), which cost Redis several times as much.
 */
const most = { deliveries: 256, bytes: 1_000_000, others: 50 }

/** Ends deliveries; all of one is written, or nothing of it. @throws StoreError */
export async function settle(
  store: RedisStore,
  settlements: readonly Settlement[],
): Promise<readonly SettleStatus[]> {
  const [first = [], ...others] = parts(settlements)
  const answers = await settlePart(store, first)
  for (const part of others) answers.push(...(await settlePart(store, part)))
  return answers
}

async function settlePart(store: RedisStore, part: readonly Settlement[]): Promise<SettleStatus[]> {
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
    runs.push(settleOthers(store, others.slice(i, i + most.others), answers))
  // Nearly always one: each promise counts here.
  if (runs.length === 1) await runs[0]
  else await Promise.all(runs)
  return answers
}

async function settleOthers(
  store: RedisStore,
  others: readonly { readonly settlement: Settlement; readonly place: number }[],
  answers: SettleStatus[],
): Promise<void> {
  const { keys, args } = settleArguments(
    store,
    others.map(({ settlement }) => settlement),
  )
  const steps = others.some(({ settlement }) => settlement.node !== undefined) ? 1 : 0
  store.starts.underWay += steps
  let answer: unknown
  try {
    answer = await store.commit(settleScript, keys, args)
  } finally {
    store.starts.underWay -= steps
  }
  const [letters, unfinished, ahead] = (
    Array.isArray(answer) ? answer : [String(answer), [], []]
  ) as SettleAnswer
  for (const run of unfinished) store.onUnfinished(run)
  keepAhead(store, ahead)
  for (const [i, { place }] of others.entries()) answers[place] = statusOf(letters[i])
}

type SettleAnswer = [letters: string, unfinished: readonly string[], ahead: Ahead | []]
type Ahead = [id: string, count: string, source: number, input?: string]

function keepAhead(store: RedisStore, [id, count, source = -1, input]: Ahead | []): void {
  // An input that is no text cannot be read from this answer: it will be asked for.
  if (id === undefined || (input !== undefined && isDoubtful(input))) return
  const from = { start: true as const, source: source < 0 ? null : source }
  const answer = input === undefined ? from : { ...from, input }
  store.starts.released(id, { count: Number(count), answer })
}

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
