import type { MemoryGates } from './memory-gates.ts'
import type { ClaimOwner, MemoryMessage } from './memory-message.ts'
import { byTime, MessageHeap } from './message-heap.ts'
import { ReadyQueue } from './ready-queue.ts'

/** A receive that waits for this queue. */
export interface QueueWatcher {
  /** There is something to claim. */
  look(): void
  /** Something becomes claimable at this time unless it is settled or extended before. */
  expect(at: number): void
}

/** How a claim is written into a message. */
export interface Hold {
  readonly token: number
  readonly owner: ClaimOwner
  readonly until: number
}

/**
 * One queue: its messages by state, and the only code that moves them between states.
 *
 * ```
 *   enter ──▶ queued ◀──── sweep (due) ───── scheduled ◀── enter, reenter (later)
 *               │  ▲                             │
 *          take │  │ giveBack, reenter (now),    │ take (early), withdraw
 *      withdraw │  │ sweep (lease ended)         │
 *               ▼  │                             ▼
 *             hold: running ◀─────────────────── hold
 *               │
 *               └──▶ end: ended
 * ```
 *
 * Invariants: a queued message is in `ready`, or in `suspects` if it has redeliveries; a scheduled one in `due`, a running one in `leases`,
 * and none in two of them; one that waits at a gate is in `due` at infinity; a token is set exactly while it runs. Every message that comes back keeps
 * its place, so a lost lease or a retry does not send it behind those that came later.
 */
export class MemoryQueue {
  readonly name: string
  readonly #gates: MemoryGates
  readonly ready: ReadyQueue = new ReadyQueue()
  /** Queued messages whose last lease was lost: a line of their own, which comes first. */
  readonly suspects: ReadyQueue = new ReadyQueue()
  readonly due: MessageHeap = new MessageHeap(byTime)
  readonly leases: MessageHeap = new MessageHeap(byTime)
  /** Receives that wait, in the order in which they came. */
  readonly watchers: Set<QueueWatcher> = new Set()
  cap: number | null = null
  /** How many wait at a gate: they are among those that are due, at a time that never comes. */
  parked = 0
  /** How many of its messages lie in the dead letters. */
  dead = 0

  constructor(name: string, gates: MemoryGates) {
    this.name = name
    this.#gates = gates
  }

  /** How many may run now. */
  get queued(): number {
    return this.ready.size + this.suspects.size
  }

  /** What its cap counts. */
  get waiting(): number {
    return this.queued + this.due.size
  }

  /** When something changes by itself; `Infinity` when nothing does. */
  next(): number {
    return Math.min(this.due.peek()?.at ?? Infinity, this.leases.peek()?.at ?? Infinity)
  }

  /** A new message arrives, to run at `at`. */
  enter(message: MemoryMessage, at: number, now: number): void {
    if (at > now) this.#schedule(message, at)
    else if (!this.#gates.pass(message)) this.#park(message)
    else {
      message.state = 'queued'
      this.ready.push(message)
    }
  }

  /** A running message is to run again at `at`, here or in another queue, which is returned. */
  reenter(
    message: MemoryMessage,
    target: MemoryQueue,
    { at, now }: { at: number; now: number },
  ): MemoryQueue {
    this.#loosen(message)
    message.queue = target.name
    if (at > now) target.#schedule(message, at)
    else if (!this.#gates.pass(message)) target.#park(message)
    else target.#return(message)
    return target
  }

  /** A running message goes back to its place. */
  giveBack(message: MemoryMessage): void {
    this.#loosen(message)
    this.#return(message)
  }

  /**
   * Takes the next message out, to be held at once: a suspect where one is wanted, then what is
   * ready; with `early` also scheduled ones, the soonest first.
   */
  take({ early, suspect }: { early: boolean; suspect: boolean }): MemoryMessage | undefined {
    const message = suspect ? this.suspects.take() : undefined
    return message ?? this.ready.take() ?? (early ? this.#takeScheduled() : undefined)
  }

  /** One that waited at its gates has passed them: it comes in behind all others. */
  admit(message: MemoryMessage, seq: number): void {
    this.due.remove(message)
    this.parked--
    message.seq = seq
    message.at = 0
    this.#return(message)
  }

  /** A scheduled message is due now, whatever its gates say: it was cancelled and will not run. */
  hasten(message: MemoryMessage): void {
    this.due.remove(message)
    this.#unpark(message)
    message.at = 0
    this.#return(message)
  }

  /** Takes out one that waits, to be held at once. */
  withdraw(message: MemoryMessage): void {
    if (message.state === 'scheduled') {
      this.due.remove(message)
      this.#unpark(message)
    } else this.#line(message).withdraw(message)
  }

  /** A message that was taken out, or that runs already, is now held under this claim. */
  hold(message: MemoryMessage, { token, owner, until }: Hold): void {
    if (message.state === 'running') this.leases.remove(message)
    message.state = 'running'
    message.token = token
    message.owner = owner
    message.at = until
    this.leases.push(message)
  }

  /** Moves the end of a running message's lease. */
  extend(message: MemoryMessage, until: number): void {
    this.leases.remove(message)
    message.at = until
    this.leases.push(message)
  }

  /** A running message leaves for good. */
  end(message: MemoryMessage): void {
    this.#loosen(message)
    message.state = 'ended'
    // A stale reference may keep the message alive for a while, but not its bytes.
    message.body = ''
  }

  /** Takes the lease of a running message back: its holder did not settle in time. */
  reclaim(message: MemoryMessage): void {
    message.redeliveries++
    this.giveBack(message)
  }

  /** Moves what is due. Nobody's claim is touched. */
  promote(now: number): void {
    let first = this.due.peek()
    while (first !== undefined && first.at <= now) {
      this.due.remove(first)
      if (this.#gates.pass(first)) this.#return(first)
      else this.#park(first)
      first = this.due.peek()
    }
  }

  /** Moves what is due and takes back leases that have ended. */
  sweep(now: number): void {
    this.promote(now)
    let first = this.leases.peek()
    while (first !== undefined && first.at <= now) {
      this.reclaim(first)
      first = this.leases.peek()
    }
  }

  /** Tells waiting receives that there is something now, or when there will be. */
  announce(): void {
    for (const watcher of [...this.watchers]) {
      if (this.queued > 0) watcher.look()
      else watcher.expect(this.next())
    }
  }

  #schedule(message: MemoryMessage, at: number): void {
    message.state = 'scheduled'
    message.at = at
    this.due.push(message)
  }

  #takeScheduled(): MemoryMessage | undefined {
    while (this.due.size > this.parked) {
      const message = this.due.pop()
      if (message === undefined || this.#gates.pass(message)) return message
      this.#park(message)
    }
    return undefined
  }

  #park(message: MemoryMessage): void {
    this.parked++
    this.#schedule(message, Infinity)
  }

  #unpark(message: MemoryMessage): void {
    if (!isParked(message)) return
    this.parked--
    this.#gates.forsake(message)
  }

  #return(message: MemoryMessage): void {
    message.state = 'queued'
    this.#line(message).putBack(message)
  }

  #line({ redeliveries }: MemoryMessage): ReadyQueue {
    return redeliveries > 0 ? this.suspects : this.ready
  }

  #loosen(message: MemoryMessage): void {
    this.leases.remove(message)
    message.token = undefined
    message.owner = undefined
  }
}

/** Whether it waits at a gate. */
export function isParked(message: MemoryMessage): boolean {
  return message.state === 'scheduled' && message.at === Infinity
}
