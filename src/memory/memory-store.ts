import type { Claim, Delivery, LeaseToken } from '../core/delivery.ts'
import { QueueFullError } from '../core/errors.ts'
import type { Fire, FireAnswer } from '../core/fire-ledger.ts'
import type { Body, Envelope } from '../core/message.ts'
import type { SettleStatus, Settlement } from '../core/settlement.ts'
import type { StoreIdentity } from '../core/store.ts'
import type { Unique } from '../core/unique.ts'
import type { CancelAnswer, ExtendReport, QueueSettings, SendStatus } from '../core/transport.ts'
import { MemoryFires } from './memory-fires.ts'
import { applyNode, nodeFate } from '../graphs/settle-node.ts'
import { checkEnvelope, checkSettlement } from './memory-checks.ts'
import { MemoryGraphs } from './memory-graphs.ts'
import { deadOf, type DeadMessage } from './dead-message.ts'
import { MemoryGates } from './memory-gates.ts'
import type { ControlState } from './memory-control.ts'
import type { RateKeys } from './memory-rates.ts'
import { MemoryHolds } from './memory-locks.ts'
import { MemoryMessage, ownBody, type Claimant, type ClaimOwner } from './memory-message.ts'
import { MemoryQueue } from './memory-queue.ts'
import { pickMessages, type ClaimRequest } from './pick-messages.ts'
import { MemoryResults } from './memory-results.ts'
import { UniqueKeys } from './unique-keys.ts'

/** Called when a running message was cancelled. */
export type CancelListener = (claim: Claim, reason: string) => void

/**
 * One store in memory: messages, dead letters and results, and the steps that change them.
 *
 * Every step is synchronous and takes the time as an argument, so it is atomic by itself: what could
 * be refused is checked before the first write, and nothing of others runs in between. Waiting
 * receives are told at the end of a step, when all of it is written.
 *
 * A claim is named by a number that is drawn once for each claim in the life of the store, so a lost
 * claim can never be mistaken for a later one of the same message.
 */
export class MemoryStore {
  readonly identity: StoreIdentity
  readonly messages: Map<string, MemoryMessage> = new Map()
  readonly queues: Map<string, MemoryQueue> = new Map()
  readonly #gates = new MemoryGates((message, reason) => this.#cancelFor(message, reason))
  /** Dead letters in the order in which they were set aside. */
  readonly dead: Map<string, DeadMessage> = new Map()
  readonly results: MemoryResults = new MemoryResults()
  readonly holds: MemoryHolds = new MemoryHolds()
  readonly rates: RateKeys = new Map()
  readonly control: ControlState = { listeners: new Set(), settings: new Map() }
  readonly fires: MemoryFires = new MemoryFires(this, (...sent) => this.#insert(...sent))
  readonly keys: UniqueKeys = new UniqueKeys((id) => this.messages.get(id))
  readonly cancelListeners: Set<CancelListener> = new Set()
  carriesMessages = false
  readonly moreListeners: Set<(run: string) => void> = new Set()
  readonly graphs: MemoryGraphs
  readonly #changed = new Set<MemoryQueue>()
  readonly #unfinished = new Set<string>()
  #now = 0
  #seq = 0
  #token = 0

  constructor(identity: StoreIdentity) {
    this.identity = identity
    this.graphs = new MemoryGraphs({
      send: (envelope) => void this.#insert(envelope, this.#now),
      cancel: (id, reason) => this.#flagRunning(id, reason),
      saveResult: (result) => void this.results.save(result, this.#now),
    })
  }

  /** The queue of this name, made at first sight. */
  queue(name: string): MemoryQueue {
    let queue = this.queues.get(name)
    if (queue === undefined) this.queues.set(name, (queue = new MemoryQueue(name, this.#gates)))
    return queue
  }

  /** Stores all of them, or throws and stores none. */
  send(envelopes: readonly Envelope[], now: number): SendStatus[] {
    for (const envelope of envelopes) checkEnvelope(envelope)
    this.#checkCaps(envelopes, now)
    const statuses = envelopes.map((envelope) => this.#insert(envelope, now))
    this.#announce()
    return statuses
  }

  /** Decides slots of plans: mark and message of each in one step. */
  fire(fires: readonly Fire[], now: number): FireAnswer[] {
    const answers = this.fires.fireAll(fires, now)
    this.#announce()
    return answers
  }

  /** Claims up to `room` messages; each queue has a fair share, and what one leaves goes to the others. */
  claim(request: ClaimRequest, owner: ClaimOwner, now: number): Delivery[] {
    for (const queue of request.queues) queue.sweep(now)
    const taken = pickMessages(request, owner)
    const held = this.#hold(taken, { owner, lease: request.lease, now })
    this.#announce()
    return held
  }

  /** Ends claims; see the contract of `Transport.settle`. `then` comes before anybody is told of what is new. */
  settle(settlements: readonly Settlement[], now: number, then?: () => void): SettleStatus[] {
    for (const settlement of settlements) checkSettlement(settlement)
    this.#now = now
    const statuses = settlements.map((settlement) => this.#settleOne(settlement, now))
    then?.()
    this.#announce()
    return statuses
  }

  /** Does a step in the graphs at this time. */
  step<T>(now: number, work: (graphs: MemoryGraphs) => T): T {
    this.#now = now
    const done = work(this.graphs)
    this.#announce()
    return done
  }

  /** A step left something to do in a run: whoever listens is told when this step is over. */
  unfinished(run: string): void {
    this.#unfinished.add(run)
    this.#announce()
  }

  /** The message that this claim holds now. */
  held(claim: Claim): MemoryMessage | undefined {
    const message = this.messages.get(claim.id)
    return message !== undefined && message.token === claim.token ? message : undefined
  }

  /** Moves the ends of leases to `lease` milliseconds from now. */
  extend(claims: readonly Claim[], lease: number, now: number): ExtendReport {
    const lost: Claim[] = []
    const cancelled: { claim: Claim; reason: string }[] = []
    for (const claim of claims) {
      const message = this.held(claim)
      if (message === undefined) {
        lost.push(claim)
        continue
      }
      const queue = this.#queueOf(message)
      if (now + lease < message.at) this.#changed.add(queue)
      queue.extend(message, now + lease)
      if (message.cancelled !== undefined) cancelled.push({ claim, reason: message.cancelled })
    }
    this.#announce()
    return { lost, cancelled }
  }

  /** Claims anew what this owner holds beyond `known`. */
  recover(known: readonly LeaseToken[], claimant: Claimant): Delivery[] {
    const remembered = new Set<LeaseToken | undefined>(known)
    const found = [...this.queues.values()].flatMap((queue) =>
      queue.leases
        .values()
        .filter(({ owner, token }) => owner === claimant.owner && !remembered.has(token)),
    )
    return this.#hold(found, claimant)
  }

  /** Gives claims back, each to its old place. */
  release(claims: readonly Claim[]): SettleStatus[] {
    const statuses = claims.map((claim): SettleStatus => {
      const message = this.held(claim)
      if (message === undefined) return this.messages.has(claim.id) ? 'taken' : 'gone'
      const queue = this.#queueOf(message)
      queue.giveBack(message)
      this.#changed.add(queue)
      return 'settled'
    })
    this.#announce()
    return statuses
  }

  /** Flags messages as cancelled and claims those that wait. The first reason stays. */
  cancel(ids: readonly string[], reason: string, claimant: Claimant): CancelAnswer[] {
    const running: MemoryMessage[] = []
    const answers = ids.map((id): CancelAnswer => {
      const message = this.messages.get(id)
      if (message === undefined) return { state: 'unknown' }
      message.cancelled ??= reason
      const queue = this.#queueOf(message)
      // A holder whose lease has ended may be dead: nobody would ever settle for him.
      if (message.state === 'running' && message.at <= claimant.now) queue.reclaim(message)
      if (message.state === 'running') {
        running.push(message)
        return { state: 'running' }
      }
      queue.withdraw(message)
      const [delivery] = this.#hold([message], claimant)
      return delivery === undefined ? { state: 'unknown' } : { state: 'waiting', delivery }
    })
    this.#tellCancelled(running)
    return answers
  }

  /** Stores settings of queues. */
  configure(settings: Readonly<Record<string, QueueSettings>>): void {
    for (const [name, { cap }] of Object.entries(settings)) {
      const queue = this.queue(name)
      if (cap !== undefined) queue.cap = cap
    }
  }

  /** Sets the limits of gates. */
  configureGates(limits: Readonly<Record<string, number | null>>): void {
    for (const [key, limit] of Object.entries(limits))
      this.#admit(this.#gates.configure(key, limit))
    this.#announce()
  }

  /** Puts dead letters back into their queue and deletes their results; the ids that were there. */
  retryDead(
    ids: readonly string[],
    bodies: ReadonlyMap<string, Body> | undefined,
    now: number,
  ): string[] {
    const found = ids.filter((id) => {
      const dead = this.dead.get(id)
      if (dead === undefined) return false
      const { queue, priority, body } = dead.letter
      this.#bury(id)
      this.results.delete(id, now)
      const envelope = { id, queue, priority, body: bodies?.get(id) ?? body, gates: dead.gates }
      this.#place(new MemoryMessage(envelope, ++this.#seq, dead.enqueuedAt), now, now)
      return true
    })
    this.#announce()
    return found
  }

  /** Deletes dead letters; how many there were. */
  deleteDead(ids: readonly string[]): number {
    return ids.filter((id) => this.#bury(id)).length
  }

  #settleOne(settlement: Settlement, now: number): SettleStatus {
    const { claim, outcome, result, followUps, node } = settlement
    const message = this.messages.get(claim.id)
    if (message === undefined) return 'gone'
    if (message.token !== claim.token) return 'taken'
    if (message.cancelled !== undefined && outcome.kind !== 'cancelled') return 'cancelled'
    const fate = nodeFate(this.graphs, settlement)
    if (fate === 'refused') return 'cancelled'
    const queue = this.#queueOf(message)
    switch (outcome.kind) {
      case 'retry':
        message.body = ownBody(outcome.body)
        message.retried = true
        message.redeliveries = 0
        this.#admit(this.#gates.leave(message, true))
        this.#changed.add(
          queue.reenter(message, this.queue(outcome.queue ?? queue.name), {
            at: now + outcome.delay,
            now,
          }),
        )
        break
      case 'setAside':
        this.dead.set(message.id, deadOf(message, outcome, now))
        queue.dead++
        this.#end(message, queue)
        break
      case 'succeeded':
      case 'cancelled':
        this.#end(message, queue)
    }
    if (result !== undefined) this.results.save(result, now)
    for (const envelope of followUps ?? []) this.#insert(envelope, now)
    if (fate === 'applies' && node !== undefined && applyNode(this.graphs, settlement, now))
      this.#unfinished.add(node.run)
    return 'settled'
  }

  #end(message: MemoryMessage, queue: MemoryQueue): void {
    queue.end(message)
    this.messages.delete(message.id)
    this.#admit(this.#gates.leave(message, false))
  }

  /** These have passed their gates. */
  #admit(messages: readonly MemoryMessage[]): void {
    for (const message of messages) {
      const queue = this.#queueOf(message)
      queue.admit(message, ++this.#seq)
      this.#changed.add(queue)
    }
  }

  /** Removes a dead letter; whether there was one. */
  #bury(id: string): boolean {
    const dead = this.dead.get(id)
    if (dead === undefined) return false
    this.queue(dead.letter.queue).dead--
    return this.dead.delete(id)
  }

  #hold(messages: readonly MemoryMessage[], { owner, lease, now }: Claimant): Delivery[] {
    const watched = new Set<MemoryQueue>()
    const deliveries = messages.map((message) => {
      const queue = this.#queueOf(message)
      const token = ++this.#token
      queue.hold(message, { token, owner, until: now + lease })
      if (queue.watchers.size > 0) watched.add(queue)
      return message.delivery(token)
    })
    // Others that wait for these queues must know when the new leases end.
    for (const queue of watched) for (const other of queue.watchers) other.expect(queue.next())
    return deliveries
  }

  #insert(envelope: Envelope, now: number): SendStatus {
    if (this.#knows(envelope.id, now)) return 'known'
    const at = envelope.at ?? now + (envelope.delay ?? 0)
    if (envelope.unique !== undefined)
      return this.#insertUnique(envelope, envelope.unique, { at, now })
    return this.#place(new MemoryMessage(envelope, ++this.#seq, now), at, now)
  }

  #insertUnique(
    envelope: Envelope,
    unique: Unique,
    { at, now }: { at: number; now: number },
  ): SendStatus {
    const holder = this.keys.live(unique, now)
    if (holder !== undefined && unique.onConflict === 'keep') return { kept: holder.id }
    const since = holder === undefined ? now : holder.since
    const due = Math.min(at, since + (unique.within ?? Infinity))
    this.keys.take(unique, { id: envelope.id, since, now })
    const status = this.#place(new MemoryMessage(envelope, ++this.#seq, now), due, now)
    if (holder === undefined) return status
    const replaced = this.messages.get(holder.id)
    if (replaced !== undefined) this.#cancelFor(replaced, `replaced by ${envelope.id}`)
    return { replaced: holder.id }
  }

  /** Cancels a message for another: whoever claims it next settles it, and that may be at once. */
  #cancelFor(message: MemoryMessage, reason: string): void {
    message.cancelled ??= reason
    const queue = this.#queueOf(message)
    if (message.state === 'scheduled') {
      queue.hasten(message)
      this.#changed.add(queue)
    }
    if (message.state === 'running') this.#tellCancelled([message])
  }

  #tellCancelled(running: readonly MemoryMessage[]): void {
    for (const { id, queue, token, cancelled } of running) {
      if (token === undefined || cancelled === undefined) continue
      for (const tell of this.cancelListeners) tell({ id, queue, token }, cancelled)
    }
  }

  #place(message: MemoryMessage, at: number, now: number): SendStatus {
    const queue = this.queue(message.queue)
    this.messages.set(message.id, message)
    queue.enter(message, at, now)
    this.#changed.add(queue)
    if (message.cancelled === undefined) return 'stored'
    return { dropped: message.gates?.[message.passed]?.key ?? '' }
  }

  #knows(id: string, now: number): boolean {
    return this.messages.has(id) || this.dead.has(id) || this.results.has(id, now)
  }

  #checkCaps(envelopes: readonly Envelope[], now: number): void {
    const fresh = new Map<string, Set<string>>()
    for (const { id, queue } of envelopes) {
      if ((this.queues.get(queue)?.cap ?? null) === null || this.#knows(id, now)) continue
      const ids = fresh.get(queue)
      if (ids === undefined) fresh.set(queue, new Set([id]))
      else ids.add(id)
    }
    for (const [name, ids] of fresh) {
      const { cap, waiting } = this.queue(name)
      if (cap !== null && waiting + ids.size > cap) throw new QueueFullError(name, cap)
    }
  }

  readonly #queueOf = ({ queue }: MemoryMessage): MemoryQueue => this.queue(queue)

  /** Flags a message that runs, and tells its holder. */
  #flagRunning(id: string, reason: string): void {
    const message = this.messages.get(id)
    if (message?.state === 'running') this.#cancelFor(message, reason)
  }

  #announce(): void {
    const unfinished = [...this.#unfinished]
    this.#unfinished.clear()
    for (const run of unfinished) for (const tell of this.moreListeners) tell(run)
    if (this.#changed.size === 0) return
    const changed = [...this.#changed]
    this.#changed.clear()
    for (const queue of changed) queue.announce()
  }
}
