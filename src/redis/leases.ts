import type { Claim, Delivery, LeaseToken } from '../core/delivery.ts'
import type { SettleStatus } from '../core/settlement.ts'
import type { ExtendReport } from '../core/transport.ts'
import { claimArguments, queueArguments } from './claim-batch.ts'
import { placeOf } from './claim-token.ts'
import { deliveriesOf } from './entries.ts'
import { readAnswer } from './receive.ts'
import type { RedisStore } from './redis-store.ts'
import { extendScript, recoverScript, releaseScript } from './scripts/lease-scripts.ts'

/** The most claims of one script: 3 ms in Redis. */
const most = 1000

/** Renews leases. @throws StoreError */
export async function extend(
  store: RedisStore,
  claims: readonly Claim[],
  lease: number,
): Promise<ExtendReport> {
  const lost: Claim[] = []
  const cancelled: { claim: Claim; reason: string }[] = []
  const consumer = store.consumer(lease)
  for (const part of pages(claims)) {
    const { keys, args } = claimArguments(store, part)
    const answers = (await store.run(extendScript, keys, [consumer, ...args])) as (
      | number
      | string
    )[]
    for (const [i, claim] of part.entries()) {
      const answer = answers[i]
      if (answer === 0 || answer === undefined) lost.push(claim)
      else if (typeof answer === 'string') cancelled.push({ claim, reason: answer })
    }
  }
  return { lost, cancelled }
}

const released: Readonly<Record<string, SettleStatus>> = { s: 'settled', g: 'gone', t: 'taken' }

/** Gives claims back. @throws StoreError */
export async function release(
  store: RedisStore,
  claims: readonly Claim[],
): Promise<readonly SettleStatus[]> {
  const answers: SettleStatus[] = []
  for (const part of pages(claims)) {
    const { keys, args } = claimArguments(store, part)
    const answer = String(await store.run(releaseScript, keys, args))
    for (const letter of answer) answers.push(released[letter] ?? 'gone')
  }
  return answers
}

/** Claims anew what this instance holds beyond `known`. @throws StoreError */
export async function recover(
  store: RedisStore,
  known: readonly LeaseToken[],
  lease: number,
): Promise<readonly Delivery[]> {
  const queues = store.seen().map(({ queue }) => queue)
  const consumers = store.consumers()
  if (queues.length === 0 || consumers.length === 0) return []
  const entries = queues.map((): string[] => [])
  for (const token of known) {
    const { line, entry } = placeOf({ id: '', queue: '', token })
    const number = Number(String(token).split('.')[1])
    entries[number]?.push(`${line}|${entry}`)
  }
  const answer = await store.run(
    recoverScript,
    queues.map((queue) => store.keys.queue(queue).stream),
    [
      store.consumer(lease),
      consumers.length,
      ...consumers,
      ...queueArguments(store, queues),
      ...entries.flatMap((list) => [list.length, ...list]),
    ],
  )
  return deliveriesOf(store, readAnswer(answer, queues).chunks)
}

function* pages(claims: readonly Claim[]): Generator<readonly Claim[]> {
  for (let i = 0; i < claims.length; i += most) yield claims.slice(i, i + most)
}
