import type { Delivery } from '../core/delivery.ts'
import type { Gate } from '../core/gate.ts'
import type { Body, Envelope } from '../core/message.ts'

/** Names one transport instance, so that its claims can be told from those of others. */
export interface ClaimOwner {
  /** The queue that had the first pick of the last receive: the next one begins behind it. */
  lastQueue: string | undefined
}

/** Who asks, for how long, and when. */
export interface Claimant {
  readonly owner: ClaimOwner
  readonly lease: number
  readonly now: number
}

/** Where a message is. `ended`: only a stale reference in a {@link ReadyQueue} may still name it. */
export type MessageState = 'scheduled' | 'queued' | 'running' | 'ended'

/** A stored message. Its state is moved by {@link MemoryQueue} alone. */
export class MemoryMessage {
  readonly id: string
  queue: string
  readonly priority: number
  /** What it must pass before it may be claimed, and how many of these it has passed. */
  readonly gates: readonly Gate[] | undefined
  passed = 0
  /** Its place: the order in which the store took it (or let it pass its gates), kept over retries and redeliveries. */
  seq: number
  readonly enqueuedAt: number
  readonly expires: number | undefined
  body: Body
  state: MessageState = 'queued'
  /** When it is due (scheduled) or its lease ends (running). */
  at = 0
  /** Names the claim; `undefined` while nobody holds it. */
  token: number | undefined = undefined
  owner: ClaimOwner | undefined = undefined
  redeliveries = 0
  cancelled: string | undefined = undefined
  /** It has failed before: while it waits for its time it is `retrying`. */
  retried = false
  /** Its index in the one heap that holds it, kept by {@link MessageHeap}; -1 outside. */
  slot = -1

  constructor(envelope: Envelope, seq: number, now: number) {
    this.id = envelope.id
    this.queue = envelope.queue
    this.priority = envelope.priority
    this.expires = envelope.expires
    this.gates = envelope.gates
    this.body = ownBody(envelope.body)
    this.seq = seq
    this.enqueuedAt = now
  }

  /** What the holder of this claim is given. */
  delivery(token: number): Delivery {
    return {
      id: this.id,
      queue: this.queue,
      token,
      priority: this.priority,
      body: ownBody(this.body),
      redeliveries: this.redeliveries,
      enqueuedAt: this.enqueuedAt,
      expires: this.expires,
      cancelled: this.cancelled,
    }
  }
}

/** A body that nobody else can change: bytes are copied, on the way in and on the way out. */
export function ownBody(body: Body): Body {
  return typeof body === 'string' ? body : new Uint8Array(body)
}
