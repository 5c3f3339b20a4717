import type { RedisArgument } from '../connections/redis/redis-client.ts'
import { sleep } from '../core/clock.ts'
import { InvalidInputError, QueueFullError, StoreError } from '../core/errors.ts'
import { checkGates } from '../core/gate.ts'
import { isId } from '../core/ids.ts'
import type { Envelope } from '../core/message.ts'
import type { SendStatus } from '../core/transport.ts'
import { checkUnique } from '../core/unique.ts'
import { ClaimBatch } from './claim-batch.ts'
import { idInBody } from './entries.ts'
import { waitNoted } from './expected-waits.ts'
import { gatedLine, gateText } from './line-priority.ts'
import { sendPiece } from './redis-capabilities.ts'
import type { RedisStore } from './redis-store.ts'
import { sendGatedScript } from './scripts/send-gated-script.ts'
import { sendPlainScript } from './scripts/send-plain-script.ts'
import { sendScript, sendUniqueScript } from './scripts/send-script.ts'
import { gatedBodies, plainBodies } from './send-plain.ts'
import { toWire } from './wire-body.ts'

/** Milliseconds for which Redis remembers the last call of a producer. */
const remembered = 3_600_000
/**
 * The most messages of one call that say more than their bodies do: each of them takes Redis some 15 µs, and
 * nobody else is served meanwhile.
 */
const piece = 200
/** How often a call whose answer was lost is repeated, and the longest pause before it. */
const attempts = 6
const pause = { first: 30, longest: 1000 }

/** The answer of a call that stored everything. */
const allStored = 'all'

interface Lane {
  readonly producer: string
  sequence: number
}

/**
 * Sends, each call with a number of its own: a call whose answer was lost is repeated with the same
 * number, and Redis answers what it answered then. A lane carries one call at a time.
 */
export class RedisSender {
  readonly #store: RedisStore
  readonly #idle: Lane[] = []
  /** Ids of calls that were given up: nobody knows whether they are stored. */
  readonly #unsure = new Set<string>()
  /** Queues that have had a cap: they are left to the script that counts. */
  readonly #capped = new Set<string>()
  #lanes = 0
  #underWay = 0
  #whenIdle: (() => void)[] = []

  constructor(store: RedisStore) {
    this.#store = store
  }

  /**
   * Stores messages: all or none in one call of Redis, where that is short or a queue has a cap. Many that
   * are delayed, keyed or of several queues go in pieces, one after the other.
   * @throws QueueFullError, InvalidInputError, StoreError
   */
  async send(envelopes: readonly Envelope[]): Promise<readonly SendStatus[]> {
    if (envelopes.length <= piece || plainBodies(envelopes, this.#unsure) !== undefined)
      return this.#sendAll(envelopes)
    const caps = await this.#store.commands.call('HMGET', [
      `${this.#store.keys.app}caps`,
      ...queuesOf(envelopes),
    ])
    // What is refused for a cap is refused as a whole.
    if ((caps as unknown[]).some((cap) => cap !== null)) return this.#sendAll(envelopes)
    const statuses: SendStatus[] = []
    try {
      for (let i = 0; i < envelopes.length; i += piece)
        statuses.push(...(await this.#sendAll(envelopes.slice(i, i + piece))))
    } catch (error) {
      // The first of them are stored: whoever repeats the whole is to have them once.
      for (const { id } of envelopes) this.#unsure.add(id)
      throw error
    }
    return statuses
  }

  async #sendAll(envelopes: readonly Envelope[]): Promise<readonly SendStatus[]> {
    const lane = this.#idle.pop() ?? this.#newLane()
    this.#underWay++
    try {
      const answer = await this.#insist(lane, envelopes)
      this.#idle.push(lane)
      if (this.#unsure.size > 0) for (const { id } of envelopes) this.#unsure.delete(id)
      return answer === allStored
        ? envelopes.map((): SendStatus => 'stored')
        : answersOf(answer, envelopes)
    } catch (error) {
      const full = fullQueue(error)
      if (full !== undefined) {
        this.#idle.push(lane)
        throw full
      }
      // The lane ends with its number: another call under it could be taken for this one.
      if (error instanceof StoreError && error.transient)
        for (const { id } of envelopes) this.#unsure.add(id)
      throw error
    } finally {
      this.#underWay--
      if (this.#underWay === 0) for (const resolve of this.#whenIdle.splice(0)) resolve()
    }
  }

  /** Resolves when nothing is under way. */
  idle(): Promise<void> {
    if (this.#underWay === 0) return Promise.resolve()
    return new Promise((resolve) => this.#whenIdle.push(resolve))
  }

  async #insist(lane: Lane, envelopes: readonly Envelope[]): Promise<string> {
    const { clock, random } = this.#store.around
    const sequence = ++lane.sequence
    for (
      let attempt = 1, wait = pause.first;
      ;
      attempt++, wait = Math.min(wait * 2, pause.longest)
    ) {
      try {
        for (const queue of queuesOf(envelopes)) {
          const making = this.#store.ensureGroup(queue)
          if (making !== undefined) await making
        }
        const head = [lane.producer, sequence, remembered]
        if (await this.#sentPlain(envelopes, head)) return allStored
        const { keys, args } = this.#arguments(envelopes)
        const script = isKeyed(envelopes) ? sendUniqueScript : sendScript
        return String(await this.#store.commit(script, keys, [...head, ...args]))
      } catch (error) {
        const again = error instanceof StoreError && error.transient && error.code === 'STORE'
        if (!again || attempt >= attempts) throw error
        await sleep(clock, wait * (0.5 + random.next()))
      }
    }
  }

  /** Whether a short script has stored them; where it does not do, it has stored nothing. */
  async #sentPlain(
    envelopes: readonly Envelope[],
    head: readonly RedisArgument[],
  ): Promise<boolean> {
    const queue = envelopes[0]?.queue ?? ''
    if (this.#capped.has(queue)) return false
    const isGated = envelopes[0]?.gates !== undefined
    const bodies = isGated
      ? gatedBodies(envelopes, this.#unsure)
      : plainBodies(envelopes, this.#unsure)
    if (bodies === undefined) return false
    const { stream, side } = this.#store.keys.queue(queue)
    const { expected } = this.#store
    const place = isGated
      ? [stream, side, queue]
      : [queue, ...waitArguments(this.#store, envelopes)]
    const script = isGated ? sendGatedScript : sendPlainScript
    const storing = this.#store.commit(script, [stream], [...head, ...place, ...bodies])
    // A full piece goes off at once: Redis stores it while the next one is written down.
    if (envelopes.length >= sendPiece) this.#store.commands.flush()
    let stored: unknown = 0
    try {
      stored = await storing
    } finally {
      if (stored === 0) expected.notSent(envelopes)
    }
    if (stored === 0) this.#capped.add(queue)
    return stored !== 0
  }

  #arguments(envelopes: readonly Envelope[]): { keys: string[]; args: RedisArgument[] } {
    const batch = new ClaimBatch(this.#store)
    const unique = isKeyed(envelopes)
    const messages = envelopes.flatMap((envelope) => {
      const common = messageArguments(batch, envelope, this.#unsure.has(envelope.id))
      return unique ? [...common, ...uniqueArguments(envelope)] : common
    })
    return { keys: batch.keys(), args: [...batch.queues(), envelopes.length, ...messages] }
  }

  #newLane(): Lane {
    const producer = `${this.#store.keys.app}prod:${this.#store.instance}:${++this.#lanes}`
    return { producer, sequence: 0 }
  }
}

/** Whom to tell of the results, where they are expected to be awaited. */
function waitArguments(store: RedisStore, envelopes: readonly Envelope[]): RedisArgument[] {
  const notes = store.expected.sending(envelopes, store.around.clock.monotonic())
  if (!notes) return ['', '', '']
  return [store.subscriber.resultChannel, waitNoted, envelopes.map(({ id }) => id).join(' ')]
}

/** Whether one of them needs the script that knows of unique keys and gates. */
function isKeyed(envelopes: readonly Envelope[]): boolean {
  return envelopes.some(({ unique, gates }) => unique !== undefined || gates !== undefined)
}

const duringOf = { queued: 'q', 'queued-or-running': 'r', window: 'w' } as const

/** A unique key as the scripts read it. */
export function uniqueArguments({ unique }: Envelope): RedisArgument[] {
  if (unique === undefined) return ['', '', 0, '', '']
  const { key, window = 0, onConflict, within } = unique
  return [
    key,
    duringOf[unique.while],
    wholeMs(window),
    onConflict === 'keep' ? 'k' : 'r',
    within === undefined ? '' : wholeMs(within),
  ]
}

function answersOf(answer: string, envelopes: readonly Envelope[]): SendStatus[] {
  return answer.split(isKeyed(envelopes) ? ' ' : '').map((text, i): SendStatus => {
    if (text === '1') return 'stored'
    const rest = text.slice(1)
    if (text.startsWith('d')) return { dropped: envelopes[i]?.gates?.[Number(rest) - 1]?.key ?? '' }
    return text === '0' ? 'known' : text.startsWith('k') ? { kept: rest } : { replaced: rest }
  })
}

/** A message as the scripts read it: queue, id, line, how, body, expires, when. */
export function messageArguments(
  batch: ClaimBatch,
  { id, fresh, queue, priority, body, delay, at, expires, gates }: Envelope,
  unsure = false,
): RedisArgument[] {
  const how = [
    fresh === true && !unsure ? 'f' : '',
    needsId(id, body) ? 'i' : '',
    at === undefined ? '' : 't',
    gates === undefined ? '' : 'g',
  ].join('')
  const when = at ?? delay
  const more = gates === undefined ? [] : [gateText(gates)]
  return [
    batch.queue(queue),
    id,
    gates === undefined ? String(priority) : gatedLine(priority),
    how,
    toWire(body),
    expires === undefined ? '' : wholeMs(expires),
    when === undefined || when <= 0 ? '' : wholeMs(when),
    ...more,
  ]
}

function queuesOf(envelopes: readonly Envelope[]): readonly string[] {
  const first = envelopes[0]?.queue ?? ''
  const many = envelopes.some(({ queue }) => queue !== first)
  return many ? [...new Set(envelopes.map(({ queue }) => queue))] : [first]
}

/** Whether the id must be written beside the body, because it is not where TaskIQ's messages have it. */
export function needsId(id: string, body: Envelope['body']): boolean {
  return idInBody(body) !== id
}

/** Milliseconds as Lua counts them exactly, also for "never". */
export function wholeMs(ms: number): number {
  return Math.max(0, Math.min(2 ** 52, Math.round(ms)))
}

/** @throws InvalidInputError */
export function checkEnvelope(envelope: Envelope): void {
  const { id, queue, priority, delay, at, expires, unique, gates } = envelope
  if (!isId(id)) {
    throw new InvalidInputError(
      `'${String(id).slice(0, 128)}' cannot be a message id: use 1 to 128 letters, digits and _ . : -`,
    )
  }
  if (queue === '') throw new InvalidInputError(`message ${id}: a queue has a name.`)
  if (!Number.isInteger(priority) || priority < 0 || priority > 9) {
    throw new InvalidInputError(`message ${id}: a priority is a whole number from 0 to 9.`)
  }
  if (Number.isNaN(delay ?? 0) || Number.isNaN(at ?? 0) || Number.isNaN(expires ?? 0)) {
    throw new InvalidInputError(`message ${id}: 'delay', 'at' and 'expires' are milliseconds.`)
  }
  checkUnique(id, unique)
  checkGates(id, gates)
}

function fullQueue(error: unknown): QueueFullError | undefined {
  const [, cap, queue] = /(?:^|: )FULL (\d+) (.*)$/s.exec((error as Error).message) ?? []
  const reply = (error as Error).cause
  if (cap === undefined || queue === undefined || !(reply instanceof Error)) return undefined
  const [, , name = queue] = /^FULL (\d+) (.*)$/s.exec(reply.message) ?? []
  return new QueueFullError(name, Number(cap))
}
