import type { Claim, Delivery, LeaseToken } from './delivery.ts'
import type { Envelope } from './message.ts'
import type { SettleStatus, Settlement } from './settlement.ts'
import type { StoreIdentity } from './store.ts'

/**
 * What a transport can do. A call that needs a missing one throws {@link UnsupportedError}; nothing
 * is approximated in silence.
 */
export interface TransportCapabilities {
  /** `delay` and `at` of an envelope, and retries in the future. */
  readonly delayed: boolean
  /** All ten priorities, exactly: a higher one is always claimed first. */
  readonly priorities: boolean
  /** `Settlement.result` is stored in the same atomic step as the outcome. */
  readonly atomicResults: boolean
  /** Settlements may carry a node part (a WorkflowStore shares the store). */
  readonly workflows: boolean
  /** The store keeps locks (see `OpenTransport.locks`). */
  readonly locks: boolean
  /** Slots of plans are decided in the same step as their messages (see `OpenTransport.ledger`). */
  readonly schedules: boolean
  /** Running workers can be talked to (see `OpenTransport.control`). */
  readonly control: boolean
  /** The store keeps rates (see `OpenTransport.rates`). */
  readonly rates: boolean
  /** Messages may have a unique key. */
  readonly unique: boolean
  /** Messages may have gates: limits over all processes. */
  readonly gates: boolean
  /** Messages survive the death of every process of ours. */
  readonly durable: boolean
  /** Several processes may share it. */
  readonly shared: boolean
  /** Messages can be sent and settled inside a transaction of the user (see {@link UserTransactions}). */
  readonly transactions: boolean
  /** Queues may have a cap. */
  readonly caps: boolean
  /** Other programs read the same bytes, so the default codec must not tag rich values. */
  readonly foreignReaders: boolean
  /**
   * Other programs take messages for good (a list that they pop, a channel): what they hold when they die
   * is lost, an id does not make a message one, and one that waits there cannot be looked up or cancelled.
   * What a worker of ours has taken is under a lease as everywhere.
   */
  readonly popped?: true | undefined
  /** It has {@link Transport.settleAndReceive}. */
  readonly receivesInSettle?: true | undefined
  /**
   * Of messages that are sent one by one in one turn of the event loop, so many leave at once, so that the store works
   * while the next ones are written down. Absent: all of a turn leave together.
   */
  readonly sendPiece?: number | undefined
}

/**
 * What became of an envelope: `stored` now; `known`: a message or a result of that id is already kept;
 * or, where it has a unique key, `kept`: nothing was stored because the message of this id has the key;
 * `replaced`: stored, and the message of this id was cancelled for it. `dropped`: a gate that drops was
 * full, the one of this key: the message is stored as cancelled, and whoever claims it next (or the
 * sender, by {@link Transport.cancel}) settles it so.
 */
export type SendStatus =
  | 'stored'
  | 'known'
  | { readonly kept: string }
  | { readonly replaced: string }
  | { readonly dropped: string }

/** What a worker asks for. */
export interface ReceiveRequest {
  /** Queue names; where several have messages, each gets a fair share of the room. */
  readonly queues: readonly string[]
  /** The most deliveries that may be handed out, prefetch included. At least 1. */
  readonly room: number
  /**
   * How much of the room each of `queues` has first, in their order: as many whole numbers, whose sum is
   * the room. What one leaves goes to the others in their order, so that all to the first is strict. The
   * queues are then distinct. Absent: equal shares, in turns.
   */
  readonly shares?: readonly number[] | undefined
  /**
   * The most suspects among them: messages with `redeliveries` above 0, which may have killed their
   * last worker. They wait in a line of their own and come first. Absent: no limit.
   */
  readonly suspects?: number | undefined
  /** Milliseconds until an unrenewed lease ends. */
  readonly lease: number
  /** Ends the wait. Deliveries claimed before it are still handed out: none is lost. */
  readonly signal: AbortSignal
  /** Milliseconds to wait for a first message; 0 only looks. Absent: until the signal. */
  readonly wait?: number | undefined
  /** Also hand out what is scheduled for later (a purge). Default false. */
  readonly early?: boolean | undefined
}

/** What may be claimed by {@link Transport.settleAndReceive}. */
export interface NextRequest extends Pick<ReceiveRequest, 'queues' | 'room' | 'lease'> {}

/** What {@link Transport.settleAndReceive} has done. */
export interface SettledAndNext {
  /** As those of {@link Transport.settle}. */
  readonly statuses: readonly SettleStatus[]
  /** What was claimed. */
  readonly next: readonly Delivery[]
}

/** What a heartbeat learnt about claims that were to be extended. */
export interface ExtendReport {
  /** Claims that are not ours any more; stop working on them. */
  readonly lost: readonly Claim[]
  /** Claims whose message was cancelled, with the reason; their lease was extended. */
  readonly cancelled: readonly { readonly claim: Claim; readonly reason: string }[]
}

/** What became of the cancellation of one id. */
export type CancelAnswer =
  /** It waited. It is now claimed by the caller, who must settle it as `cancelled` (and store the result). */
  | { readonly state: 'waiting'; readonly delivery: Delivery }
  /** It runs. The flag is stored and its holder is told; whatever he settles but `cancelled` is refused. */
  | { readonly state: 'running' }
  /** Nothing of that id is stored: it ended, or was never sent. */
  | { readonly state: 'unknown' }

/** Keeps leases alive while handlers run. Made by {@link Transport.keepLeases}. */
export interface LeaseKeeper {
  /** Starts renewing these claims. */
  keep(claims: readonly Claim[]): void
  /** Stops renewing them (settled, released or lost). */
  forget(claims: readonly Claim[]): void
  /** Stops renewing everything; idempotent. */
  stop(): Promise<void>
}

/** How leases are kept. */
export interface LeaseKeeperOptions {
  /** Milliseconds of a lease. */
  readonly lease: number
  /** Milliseconds between two renewals (at most a third of the lease). */
  readonly every: number
  /**
   * Milliseconds for which the event loop may be blocked. Beyond it nothing is renewed until the
   * loop turns again, so that a hung process does not keep its messages for ever.
   */
  readonly stallLimit: number
  /** Called on the event loop of the worker. Claims in it are already forgotten. */
  readonly onLost: (claims: readonly Claim[]) => void
  readonly onCancelled: (claim: Claim, reason: string) => void
  /** A renewal failed (the store is away); it is tried again at the next beat. */
  readonly onError: (error: unknown) => void
}

/** Settings of a queue that live in the store, for all producers. */
export interface QueueSettings {
  /** The most messages that may wait (scheduled ones included); `null` lifts it. */
  readonly cap?: number | null | undefined
}

/**
 * Carries messages from producers to workers. One instance serves one process; several instances,
 * in any number of processes, may share one store.
 *
 * Every method is batch-first and may be called at any time between `start` and `stop`, also
 * concurrently. Whatever fails, fails as a whole with an error and is safe to call again: an unknown
 * outcome (the answer was lost) never doubles a message and never loses one.
 *
 * Everything that a message can come to goes through {@link Transport.settle}: success, failure,
 * retry, poison, expired, malformed, unknown, cancelled, purged. A transport never drops one itself:
 * it counts redeliveries and hands the message out again; the budget is the worker's to enforce.
 */
export interface Transport {
  /** `memory`, `sqlite`, … for logs and errors. */
  readonly name: string
  readonly capabilities: TransportCapabilities
  /** Which store it writes to; a result backend with the same identity is written in `settle`. */
  readonly store: StoreIdentity

  /** Opens the store and brings its schema up to date. Idempotent; concurrent calls share one start. */
  start(): Promise<void>
  /** Ends waiting receives, finishes calls under way and closes. Idempotent; also before `start`. */
  stop(): Promise<void>

  /**
   * Stores messages; resolves when the store has them (its durability is the transport's to
   * document). All or nothing, unless the transport documents that it takes large batches in pieces: then a
   * failure may leave the first pieces stored, and the call is safe to repeat. The same id twice is one message
   * while it is stored, lies in the dead letters, or its result is kept; the caller is told by `known`.
   *
   * @throws QueueFullError when a queue would exceed its cap: nothing is stored.
   * @throws StoreError when the store refuses.
   */
  send(envelopes: readonly Envelope[]): Promise<readonly SendStatus[]>

  /**
   * Claims up to `room` messages, highest priority first and first in first out within one. Waits
   * (long poll) until there is at least one, the signal aborts, or `wait` has passed; then `[]`.
   * Also moves what is due and takes back leases that have ended.
   */
  receive(request: ReceiveRequest): Promise<readonly Delivery[]>

  /**
   * Ends deliveries: outcome, result, follow-ups, node part and freed permits of each in one atomic,
   * fenced step, batched over all of them. Checked before the first write: an `UnsupportedError`
   * writes nothing. One answer for each, in order. Calling it again with the same settlements is
   * safe (`gone`).
   */
  settle(settlements: readonly Settlement[]): Promise<readonly SettleStatus[]>

  /**
   * {@link Transport.settle}, and in the same step the claim of up to `room` messages that wait in these queues: one that
   * the settled ones have released, or whichever is first. It claims as {@link Transport.receive} does, but waits for
   * nothing and hands out no suspects; and it may claim none at any time, as where more than the head of a queue would
   * have to be looked at. Where the answer is lost, what was claimed is found by {@link Transport.recover}.
   *
   * There where `capabilities.receivesInSettle` is.
   */
  settleAndReceive?(settlements: readonly Settlement[], next: NextRequest): Promise<SettledAndNext>

  /** Renews leases to `lease` milliseconds from now. Fenced: only claims that are still ours. */
  extend(claims: readonly Claim[], lease: number): Promise<ExtendReport>

  /**
   * Deliveries of this instance that the store believes to be in our hands and that are not among
   * `known`: claims whose answer was lost. Fresh tokens, no budget used.
   */
  recover(known: readonly LeaseToken[], lease: number): Promise<readonly Delivery[]>

  /** Gives deliveries back, to be claimed at once by anybody; uses up no budget. Fenced. */
  release(claims: readonly Claim[]): Promise<readonly SettleStatus[]>

  /** Cancels by id, durably. See {@link CancelAnswer} for what the caller must still do. */
  cancel(
    ids: readonly string[],
    options: { reason: string; lease: number },
  ): Promise<readonly CancelAnswer[]>

  /**
   * Renews leases in the background, from a thread where the engine can, so that a busy event loop
   * does not lose them.
   */
  keepLeases(options: LeaseKeeperOptions): LeaseKeeper

  /**
   * Stores settings of queues.
   * @throws UnsupportedError where `capabilities.caps` is false.
   */
  configureQueues(settings: Readonly<Record<string, QueueSettings>>): Promise<void>

  /**
   * Sets the limits of gates, in place of those that messages bring along; `null` lets these hold again.
   * A higher one lets through at once who waits; a lower one holds for those that come.
   * @throws UnsupportedError where `capabilities.gates` is false.
   */
  configureGates(limits: Readonly<Record<string, number | null>>): Promise<void>
}

/**
 * Optional part of a transport on a SQL store: effects inside the user's own transaction. The
 * handle is the user's; it is only used during the call.
 */
export interface UserTransactions {
  /**
   * Stores messages inside the user's open transaction: they exist if and only if it commits.
   * On SQLite the work is done, or has thrown, when the call returns.
   *
   * @throws TransactionError no open transaction, another file, another library.
   */
  sendWithin(
    transaction: unknown,
    envelopes: readonly Envelope[],
  ): readonly SendStatus[] | Promise<readonly SendStatus[]>
  /**
   * Ends a delivery inside the user's open transaction (fenced).
   *
   * @throws LeaseLostError so that the user's work rolls back when the delivery is not ours any more.
   * @throws TransactionError as above.
   */
  settleWithin(transaction: unknown, settlement: Settlement): void | Promise<void>
  /** Tells waiting workers after the user's COMMIT; without it they find the message at their next poll. */
  announce(): void
}
