import type { Codec } from '../../core/codec.ts'
import type { Clock } from '../../core/clock.ts'
import type { Delivery } from '../../core/delivery.ts'
import type { Labels } from '../../core/labels.ts'
import type { Body, Envelope, Message } from '../../core/message.ts'
import type { ResultRecord, TaskResult } from '../../core/result.ts'
import type { SettleStatus, Settlement } from '../../core/settlement.ts'
import type { FinalStatus, TaskStatus } from '../../core/states.ts'
import type { SendStatus } from '../../core/transport.ts'
import { outcomeError } from '../../broker/outcome-errors.ts'
import type { RegisteredTask } from '../../broker/registry.ts'
import { failedRunsOf } from '../../broker/failed-runs.ts'
import { callArguments } from './call-arguments.ts'

/** What an entry of the journal is about. */
export type JournalKind =
  /** A message was stored. */
  | 'sent'
  /** A worker has it in its hands. */
  | 'claimed'
  /** Its handler begins. */
  | 'started'
  /** It failed and will run again, after the time in `detail`. */
  | 'retrying'
  /** It ended. */
  | FinalStatus
  /** A worker gave it back unrun. */
  | 'given-back'
  /** What a worker did with it was refused: it was not that worker's any more. */
  | 'lost'
  /** A worker vanished. */
  | 'worker-killed'
  /** A fault that the test had planned took place. */
  | 'fault'

/** One thing that happened under test. */
export interface JournalEntry {
  /** Virtual milliseconds since 1970. */
  readonly at: number
  readonly kind: JournalKind
  readonly taskId?: string | undefined
  readonly task?: string | undefined
  readonly worker?: string | undefined
  readonly attempt?: number | undefined
  readonly detail?: string | undefined
}

/** A message that was stored, as its worker will see it. */
export interface SentMessage<A extends readonly unknown[] = readonly unknown[]> {
  readonly taskId: string
  readonly task: string
  /** As the call had them, after their way through the codec. A task with `input` has one: the object. */
  readonly args: A
  /** All that travel, those that the broker adds included. */
  readonly labels: Labels
  readonly queue: string
  readonly priority: number
  /** Virtual milliseconds since 1970. */
  readonly sentAt: number
  /** Milliseconds from then until it may run; 0 for at once. */
  readonly delay: number
  /** The message whose handler sent it. */
  readonly parentId: string | undefined
}

/** A message that has ended: its outcome, and what it was. */
export type SettledTask<A extends readonly unknown[] = readonly unknown[], R = unknown> =
  // A task that keeps no results (`result: false`) has `null` for its value here.
  TaskResult<R> & {
    readonly taskId: string
    readonly task: string
    readonly args: A
    /** Which run it ended with. */
    readonly attempt: number
    /** Virtual milliseconds since 1970. */
    readonly at: number
  }

interface Sent {
  readonly message: Message
  readonly facts: Omit<SentMessage, 'args'>
}

interface Settled {
  readonly id: string
  readonly record: ResultRecord
  readonly at: number
}

/** What the journal needs. */
export interface JournalOptions {
  readonly clock: Pick<Clock, 'now'>
  readonly codec: Codec
  readonly resultCodec: Codec
  readonly taskOf: (name: string) => RegisteredTask | undefined
  /** Called after each entry. */
  readonly onEntry: () => void
}

/** Writes down what happens, as the store sees it. */
export class Journal {
  readonly entries: JournalEntry[] = []
  readonly #options: JournalOptions
  readonly #messages = new Map<string, Message>()
  readonly #sent: Sent[] = []
  readonly #settled: Settled[] = []
  readonly #seen = new Set<string>()
  #claims = 0

  constructor(options: JournalOptions) {
    this.#options = options
  }

  /** Adds an entry. */
  note(kind: JournalKind, about: Omit<JournalEntry, 'at' | 'kind'> = {}): void {
    const task = about.task ?? (about.taskId === undefined ? undefined : this.nameOf(about.taskId))
    if (kind === 'claimed') this.#claims++
    this.entries.push({ at: this.#options.clock.now(), kind, ...about, ...(task && { task }) })
    this.#options.onEntry()
  }

  /** Envelopes were given to the store, which said so. */
  stored(envelopes: readonly Envelope[], statuses: readonly SendStatus[]): void {
    for (const [i, envelope] of envelopes.entries()) {
      if (statuses[i] === 'stored') this.#store(envelope)
    }
  }

  /**
   * A worker has a message in its hands. One that the store itself sent, a step of a workflow, is heard
   * of now for the first time.
   */
  claimed(delivery: Delivery, worker: string): void {
    const { id, queue, priority, body, enqueuedAt } = delivery
    if (!this.#messages.has(id)) this.#store({ id, queue, priority, body }, enqueuedAt)
    this.note('claimed', { taskId: id, worker })
  }

  /** A delivery was settled, and the store took it. */
  settled(settlement: Settlement, worker: string | undefined): void {
    const { claim, outcome, result, followUps } = settlement
    if (outcome.kind === 'retry') {
      const detail = `in ${outcome.delay} ms`
      this.note('retrying', { taskId: claim.id, worker, detail })
    } else {
      const record =
        result === undefined ? this.#bareRecord(settlement) : this.#decoded(result.body)
      this.ended(claim.id, record, worker)
    }
    this.stored(followUps ?? [], Array(followUps?.length ?? 0).fill('stored' satisfies SendStatus))
  }

  /** A message has ended. */
  ended(id: string, record: ResultRecord, worker: string | undefined): void {
    this.#settled.push({ id, record, at: this.#options.clock.now() })
    this.#seen.add(id)
    const detail = record.error === null ? {} : { detail: record.error.message }
    this.note(record.status, { taskId: id, worker, ...detail })
  }

  /** A result was saved by itself (early acknowledgement). */
  savedAlone(id: string, body: Body, worker: string | undefined): void {
    this.ended(id, this.#decoded(body), worker)
  }

  /** A message has ended of which the store was told nothing. */
  endedUntold(
    end: { id: string; status: TaskStatus; detail?: string | undefined },
    worker: string,
  ): void {
    const { id, status, detail } = end
    if (!isFinal(status)) return
    const labels = this.#messages.get(id)?.labels ?? {}
    const error = detail === undefined ? null : { name: 'Error', message: detail }
    this.ended(id, { status, value: null, executionTime: 0, labels, error }, worker)
  }

  /** How often a message came into a worker's hands, and how many entries there are. */
  get progress(): { readonly claims: number; readonly entries: number } {
    return { claims: this.#claims, entries: this.entries.length }
  }

  /** The task that came most often. */
  busiest(): string {
    const claims = new Map<string, number>()
    for (const { kind, task = '' } of this.entries) {
      if (kind === 'claimed') claims.set(task, (claims.get(task) ?? 0) + 1)
    }
    const [name = '', count = 0] = [...claims].sort(([, a], [, b]) => b - a)[0] ?? []
    return `task '${name}' (${count} times)`
  }

  /** Whether the end of this message was written down. */
  hasEnded(id: string): boolean {
    return this.#seen.has(id)
  }

  /** The name of a message's task; `undefined` for one that was never sent here. */
  nameOf(id: string): string | undefined {
    return this.#messages.get(id)?.task
  }

  /** What was sent, or what was sent to one task. */
  sent(task?: RegisteredTask): SentMessage[] {
    const wanted =
      task === undefined ? this.#sent : this.#sent.filter(({ facts }) => facts.task === task.name)
    return wanted.map(({ message, facts }) => ({
      ...facts,
      args: callArguments(message, task ?? this.#options.taskOf(message.task)),
    }))
  }

  /** What has ended, or what has ended of one task. */
  ends(task?: RegisteredTask): SettledTask[] {
    const ofTask = ({ id }: Settled): boolean => this.nameOf(id) === task?.name
    const wanted = task === undefined ? this.#settled : this.#settled.filter(ofTask)
    return wanted.map((settled) => this.#end(settled, task))
  }

  #store(envelope: Envelope, now = this.#options.clock.now()): void {
    const { id, queue, priority, delay, at } = envelope
    const message = this.#decode(envelope)
    this.#messages.set(id, message)
    this.#seen.delete(id)
    const parentId = message.labels['tw_parent']
    const facts = {
      taskId: id,
      task: message.task,
      labels: message.labels,
      queue,
      priority,
      sentAt: now,
      delay: Math.max(0, delay ?? (at === undefined ? 0 : at - now)),
      parentId: typeof parentId === 'string' ? parentId : undefined,
    }
    this.#sent.push({ message, facts })
    this.note('sent', { taskId: id, ...(facts.delay > 0 && { detail: `in ${facts.delay} ms` }) })
  }

  #decode({ id, body }: Envelope): Message {
    try {
      const message = this.#options.codec.decodeMessage(body)
      // By its own name, whatever it went by.
      return { ...message, task: this.#options.taskOf(message.task)?.name ?? message.task }
    } catch {
      // Bytes that a test has put there by hand: the worker will set them aside.
      return { id, task: '(malformed)', args: [], kwargs: {}, labels: {} }
    }
  }

  #decoded(body: Body): ResultRecord {
    return this.#options.resultCodec.decodeResult(body)
  }

  /** For tasks that keep no results. */
  #bareRecord({ claim, outcome }: Settlement): ResultRecord {
    const labels = this.#messages.get(claim.id)?.labels ?? {}
    const base = { value: null, executionTime: 0, labels, error: null }
    if (outcome.kind === 'setAside') {
      const status = outcome.reason === 'failed' ? 'failed' : 'dead'
      return { ...base, status, error: { name: 'Error', message: outcome.detail } }
    }
    if (outcome.kind === 'cancelled') {
      return { ...base, status: 'cancelled', error: { name: 'Error', message: outcome.reason } }
    }
    return { ...base, status: 'succeeded' }
  }

  #end({ id, record, at }: Settled, task: RegisteredTask | undefined): SettledTask {
    const message = this.#messages.get(id)
    const name = message?.task ?? '(not sent here)'
    const about = {
      taskId: id,
      task: name,
      args: message === undefined ? [] : callArguments(message, task ?? this.#options.taskOf(name)),
      attempt: failedRunsOf(record.labels) + 1,
      at,
      executionTime: record.executionTime,
      labels: record.labels,
    }
    const { status, value } = record
    return status === 'succeeded'
      ? { ...about, status, isErr: false, returnValue: value, error: null }
      : { ...about, status, isErr: true, returnValue: null, error: outcomeError(id, record) }
  }
}

function isFinal(status: TaskStatus): status is FinalStatus {
  return ['succeeded', 'failed', 'cancelled', 'dead'].includes(status)
}

/** Those settlements that the store took. */
export function taken(
  settlements: readonly Settlement[],
  statuses: readonly SettleStatus[],
): readonly Settlement[] {
  return settlements.filter((_, i) => statuses[i] === 'settled')
}
