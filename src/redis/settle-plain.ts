import type { RedisArgument } from '../connections/redis/redis-client.ts'
import { normalPriority } from '../core/labels.ts'
import type { Settlement, SettleStatus } from '../core/settlement.ts'
import type { RedisStore } from './redis-store.ts'
import { gatedLine } from './line-priority.ts'
import { settleGatedScript, settlePlainScript } from './scripts/settle-plain-script.ts'
import { life, statusOf } from './settle-answer.ts'
import { toWire } from './wire-body.ts'

/** How the token of a first claim begins: of the default line, and of that of messages that have passed gates. */
const plainHead = '41.'
const gatedHead = 'E1.'

/**
 * Whether a settlement says no more than that a first claim succeeded, perhaps with a result. Most do,
 * and all of one queue and one life of results go to Redis as a few long texts instead of many short ones.
 */
export function isPlain({ claim, outcome, followUps, node }: Settlement): boolean {
  return (
    outcome.kind === 'succeeded' &&
    (followUps === undefined || followUps.length === 0) &&
    node === undefined &&
    typeof claim.token === 'string' &&
    (claim.token.startsWith(plainHead) || claim.token.startsWith(gatedHead))
  )
}

/** Plain settlements that go together: of one line, with results of one life or with none. */
export class PlainBatch {
  readonly queue: string
  readonly expiresIn: number | undefined
  /** How its tokens begin, to the entry: line, count and queue. */
  readonly #head: string
  readonly places: number[] = []
  #entries = ''
  #ids = ''
  #first = Infinity
  #last = 0
  readonly #bodies: RedisArgument[] = []

  constructor({ claim, result }: Settlement) {
    this.queue = claim.queue
    this.expiresIn = result?.expiresIn
    const token = String(claim.token)
    this.#head = token.slice(0, token.indexOf('.', plainHead.length) + 1)
  }

  takes({ claim, result }: Settlement): boolean {
    return (
      claim.queue === this.queue &&
      result?.expiresIn === this.expiresIn &&
      typeof claim.token === 'string' &&
      claim.token.startsWith(this.#head)
    )
  }

  /** Adds the settlement that stands at `place` among all. */
  add({ claim, result }: Settlement, place: number): void {
    const entry = String(claim.token).slice(this.#head.length)
    const ms = Number.parseInt(entry, 10)
    if (ms < this.#first) this.#first = ms
    if (ms > this.#last) this.#last = ms
    this.#entries += `${entry} `
    this.#ids += `${claim.id} `
    if (result !== undefined) this.#bodies.push(toWire(result.body))
    this.places.push(place)
  }

  /** Ends them, and writes what became of each into its place. @throws StoreError */
  async run(store: RedisStore, statuses: SettleStatus[]): Promise<void> {
    const consumers = store.consumers()
    const { stream, side } = store.keys.queue(this.queue)
    const isGated = this.#head.startsWith(gatedHead)
    const answer = await store.commit(
      isGated ? settleGatedScript : settlePlainScript,
      [isGated ? `${side}p:${gatedLine(normalPriority)}` : stream],
      [
        this.#entries,
        this.#ids,
        this.#first,
        this.#last,
        this.expiresIn === undefined ? '' : life(this.expiresIn),
        consumers.length,
        ...consumers,
        ...this.#bodies,
      ],
    )
    const letters = answer === 1 ? undefined : String(answer)
    for (const [i, place] of this.places.entries())
      statuses[place] = letters === undefined ? 'settled' : statusOf(letters[i])
  }
}
