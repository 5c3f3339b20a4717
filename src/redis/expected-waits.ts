/**
 * Results that this process will wait for, as far as can be told. Where the last tasks that it sent one by one were all
 * awaited, the script that stores the next ones notes their waits as well, which spares each its own call; a result that
 * comes before it is asked for is kept here. A guess that is wrong costs a note that expires, and a push that nobody
 * reads; a push that is lost only delays, since the poll is the truth.
 */
import type { Body, Envelope } from '../core/message.ts'

/** The most tasks of one call that are taken to be awaited, and the most that are remembered. */
const most = { together: 100, remembered: 512 }
/** How much one task says about the next, and what the average must be. */
const guess = { weight: 1 / 16, least: 0.7 }
/** Milliseconds for which a wait is noted in the store; each look notes it anew. */
export const waitNoted = 60_000
/** Milliseconds for which a note of a send is relied on. */
const goodFor = waitNoted / 2

interface Sent {
  readonly noted: boolean
  readonly at: number
  /** Its result, which came before it was asked for. */
  body?: Body
}

/** See the top of the file. Of one store in one process. */
export class ExpectedWaits {
  readonly #sent = new Map<string, Sent>()
  #awaited = 0

  /** These are being sent; whether their waits are to be noted. */
  sending(envelopes: readonly Envelope[], at: number): boolean {
    if (envelopes.length > most.together) return false
    const noted = this.#awaited > guess.least
    for (const { id } of envelopes) this.#sent.set(id, { noted, at })
    for (const [id] of this.#sent) {
      if (this.#sent.size <= most.remembered) break
      this.#sent.delete(id)
      this.#awaited -= this.#awaited * guess.weight
    }
    return noted
  }

  /** They went another way, or may have: nothing is noted. */
  notSent(envelopes: readonly Envelope[]): void {
    for (const { id } of envelopes) this.#sent.delete(id)
  }

  /** A result was told; kept where it is expected. `undefined`: it is there to be read, and is not told again. */
  arrived(id: string, body: Body | undefined): void {
    const sent = this.#sent.get(id)
    if (sent === undefined) return
    if (body === undefined) this.#sent.set(id, { ...sent, noted: false })
    else if (sent.noted) sent.body = body
  }

  /** Somebody waits for this result: whether that is noted in the store, and the result if it is here. */
  asked(id: string, now: number): { readonly noted: boolean; readonly body: Body | undefined } {
    const sent = this.#sent.get(id)
    if (sent === undefined) return { noted: false, body: undefined }
    this.#sent.delete(id)
    this.#awaited += (1 - this.#awaited) * guess.weight
    return { noted: sent.noted && now - sent.at < goodFor, body: sent.body }
  }

  /** What was told meanwhile was told to nobody. */
  deaf(): void {
    this.#sent.clear()
  }
}
