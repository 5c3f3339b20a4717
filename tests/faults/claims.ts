import type { Entry } from './worker/ledger.ts'

/** One claim, from its hand-over to the end of its holding. */
export interface ClaimLife {
  readonly id: string
  readonly token: string
  readonly pid: number
  readonly at: number
  readonly retries: number
  readonly redeliveries: number
  /** Until its holder knew that it was not his any more (settled, given back, told, dead). */
  heldUntil: number
  /** When it was first asked to be settled or given back; the last outcome, and the last answer. */
  askedAt: number
  outcome: string
  answer: string | undefined
}

interface Span {
  readonly from: number
  readonly to: number
}

/** Faults under which a process cannot renew its leases, nor be told that it has lost them. */
const hindering: ReadonlySet<string> = new Set(['stop', 'block', 'cut off'])

/** Outcomes after which a message may run again. */
const passing: ReadonlySet<string> = new Set(['retry'])

/** The claims of a ledger, by message in the order in which the store gave them. */
export class Claims {
  readonly #byId = new Map<string, ClaimLife[]>()
  readonly #byHolder = new Map<string, ClaimLife[]>()
  readonly #gone = new Map<number, { readonly at: number; readonly killed: boolean }>()
  readonly #hindered = new Map<number, Span[]>()

  constructor(entries: readonly Entry[]) {
    for (const entry of entries) this.#read(entry)
    for (const [id, claims] of this.#byId) this.#byId.set(id, claims.sort(inStoreOrder))
    for (const claims of this.#byId.values())
      for (const claim of claims)
        claim.heldUntil = Math.min(claim.heldUntil, this.goneAt(claim.pid))
  }

  /** How many processes were killed. */
  get kills(): number {
    return [...this.#gone.values()].filter(({ killed }) => killed).length
  }

  ids(): string[] {
    return [...this.#byId.keys()]
  }

  /** When a process ended; `Infinity` while it lives. */
  goneAt(pid: number): number {
    return this.#gone.get(pid)?.at ?? Infinity
  }

  /** The last claim of a message that this process had made by then. */
  lastOf(pid: number, id: string, at: number): ClaimLife | undefined {
    return this.#byHolder.get(`${pid} ${id}`)?.findLast((claim) => claim.at <= at)
  }

  /** Whether a process was stopped or blocked at any time of a span. */
  hindered(pid: number, { from, to }: Span): boolean {
    return (this.#hindered.get(pid) ?? []).some((span) => span.from < to && span.to > from)
  }

  /** Messages that were ended twice, as the store said. */
  settledTwice(): string[] {
    return this.#eachId((claims) => claims.filter(hasEnded).length > 1)
  }

  /** Messages that were settled by a claim although a later one existed when it asked. */
  staleSettles(): string[] {
    return this.#eachId((claims) =>
      claims.some(
        (claim, i) =>
          claim.answer === 'settled' &&
          claims.slice(i + 1).some((later) => later.at < claim.askedAt),
      ),
    )
  }

  /** Messages that were claimed anew after their end had been acknowledged. */
  claimedAfterEnd(): string[] {
    return this.#eachId((claims) => {
      const end = claims.findIndex(hasEnded)
      const told = claims[end]?.heldUntil ?? Infinity
      return claims.slice(end + 1).some(({ at }) => at > told)
    })
  }

  /** Claims that a killed process still held. */
  heldAtDeath(): ClaimLife[] {
    return [...this.#byId.values()].flat().filter((claim) => {
      const gone = this.#gone.get(claim.pid)
      return gone?.killed === true && claim.heldUntil >= gone.at
    })
  }

  /** Milliseconds from the death of a holder to the next claim of what it held. */
  recoveries(): number[] {
    return this.heldAtDeath().flatMap((claim) => {
      const claims = this.#byId.get(claim.id) ?? []
      const next = claims[claims.indexOf(claim) + 1]
      return next === undefined ? [] : [(next.at - claim.heldUntil) / 1000]
    })
  }

  #eachId(is: (claims: readonly ClaimLife[]) => boolean): string[] {
    return [...this.#byId].flatMap(([id, claims]) => (is(claims) ? [id] : []))
  }

  #read(entry: Entry): void {
    switch (entry.kind) {
      case 'claim': {
        const { id, token, pid, at, retries, redeliveries } = entry
        const claim: ClaimLife = {
          id,
          token,
          pid,
          at,
          retries,
          redeliveries,
          heldUntil: Infinity,
          askedAt: Infinity,
          outcome: '',
          answer: undefined,
        }
        push(this.#byId, id, claim)
        push(this.#byHolder, `${pid} ${id}`, claim)
        break
      }
      case 'settle': {
        const claim = this.#find(entry)
        if (claim === undefined) break
        claim.askedAt = Math.min(claim.askedAt, entry.at)
        claim.outcome = entry.outcome
        break
      }
      case 'settled': {
        const claim = this.#find(entry)
        if (claim === undefined) break
        claim.answer = entry.status
        // Refused because it was cancelled: it is still held, and settled once more.
        if (entry.status !== 'cancelled') claim.heldUntil = Math.min(claim.heldUntil, entry.at)
        break
      }
      case 'release': {
        const claim = this.#find(entry)
        if (claim !== undefined) claim.askedAt = Math.min(claim.askedAt, entry.at)
        break
      }
      case 'released':
      case 'lost': {
        const claim = this.#find(entry)
        if (claim !== undefined) claim.heldUntil = Math.min(claim.heldUntil, entry.at)
        break
      }
      case 'gone':
        this.#gone.set(entry.target, { at: entry.at, killed: entry.how !== 'exit 0' })
        break
      case 'fault':
        if (hindering.has(entry.fault))
          push(this.#hindered, entry.target, { from: entry.at, to: Infinity })
        break
      case 'healed': {
        const spans = this.#hindered.get(entry.target)
        const open = spans?.findIndex(({ to }) => to === Infinity) ?? -1
        const from = spans?.[open]?.from
        if (spans !== undefined && from !== undefined) spans[open] = { from, to: entry.at }
        break
      }
      default:
    }
  }

  #find({ pid, id, token }: { pid: number; id: string; token: string }): ClaimLife | undefined {
    return this.#byHolder.get(`${pid} ${id}`)?.findLast((claim) => claim.token === token)
  }
}

const hasEnded = ({ answer, outcome }: ClaimLife): boolean =>
  answer === 'settled' && !passing.has(outcome)

/**
 * A claim may be written down late, when its process was stopped in between; but a lost lease counts a
 * redelivery and a retry a retry, and who gives back has written his claim down before.
 */
export function inStoreOrder(a: ClaimLife, b: ClaimLife): number {
  return a.retries - b.retries || a.redeliveries - b.redeliveries || a.at - b.at
}

function push<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const list = map.get(key)
  if (list === undefined) map.set(key, [value])
  else list.push(value)
}
