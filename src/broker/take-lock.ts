import { sleep, type Clock, type Timer } from '../core/clock.ts'
import { milliseconds, type Duration } from '../core/duration.ts'
import { InvalidInputError, LockedError, LockLostError, UnsupportedError } from '../core/errors.ts'
import type { HeldLock, LockOptions } from '../core/held-lock.ts'
import type { Locks, Permit } from '../core/locks.ts'
import type { BrokerRuntime } from './runtime.ts'

const defaultTtl = '30s'
/**
 * Milliseconds between two looks while somebody else holds it. A lock that is given back wakes who waits; the
 * looks find what was not heard of, and holds that ended by time.
 */
const look = { first: 10, longest: 500 }
/** A hold is extended three times within its length. */
const beatsPerTtl = 3

/**
 * Takes a lock, waiting for it where it must.
 *
 * @throws LockedError when the wait is over; UnsupportedError where the transport keeps no locks;
 * InvalidInputError for wrong options; the signal's reason when it aborts.
 */
export async function takeLock(
  runtime: BrokerRuntime,
  key: string,
  options: LockOptions & { readonly signal?: AbortSignal | undefined } = {},
): Promise<HeldLock> {
  const locks = locksOf(runtime)
  const { limit = 1, ttl = defaultTtl, wait, signal } = options
  const ms = positive(ttl)
  if (typeof key !== 'string' || key === '')
    throw new InvalidInputError('a lock has a key: a text.')
  if (!Number.isSafeInteger(limit) || limit < 1)
    throw new InvalidInputError(`the limit of a lock is a whole number of 1 or more, not ${limit}.`)
  await runtime.start()
  const { clock, random } = runtime.surroundings
  const ask = { holder: random.hex(12), limit, ms }
  const deadline = clock.monotonic() + (wait === undefined ? Infinity : milliseconds(wait))
  const freed = new Freed(locks, key)
  try {
    for (let pause = look.first; ; pause = Math.min(pause * 2, look.longest)) {
      signal?.throwIfAborted()
      const asked = clock.monotonic()
      const permit = await locks.acquire(key, ask)
      if (permit !== null) return new StoreLock(runtime, locks, { permit, ms, since: asked })
      const left = deadline - clock.monotonic()
      if (left <= 0) throw new LockedError(key)
      // Who only now begins to listen asks once more: it may have been given back in between.
      if (await freed.listen()) continue
      const span = Math.min(left, pause * (0.5 + random.next()))
      await freed.orAfter(span, { clock, signal })
    }
  } finally {
    freed.stop()
  }
}

/** Waits until a lock may have been given back. */
class Freed {
  readonly #locks: Locks
  readonly #key: string
  #stop: (() => void) | undefined
  #rung = false
  #wake: AbortController | undefined

  constructor(locks: Locks, key: string) {
    this.#locks = locks
    this.#key = key
  }

  /** Begins to listen; whether it had not before. */
  async listen(): Promise<boolean> {
    if (this.#stop !== undefined) return false
    // Where nothing can be heard the looks are enough.
    this.#stop = await this.#locks.onFreed(this.#key, () => this.#ring()).catch(() => () => {})
    return true
  }

  /** Until it rings, the time has passed, or the signal aborts. */
  async orAfter(
    ms: number,
    { clock, signal }: { clock: Clock; signal: AbortSignal | undefined },
  ): Promise<void> {
    if (!this.#rung) {
      const wake = new AbortController()
      const end = (): void => wake.abort()
      this.#wake = wake
      signal?.addEventListener('abort', end, { once: true })
      await sleep(clock, ms, { signal: wake.signal })
      signal?.removeEventListener('abort', end)
    }
    this.#rung = false
    this.#wake = undefined
  }

  stop(): void {
    this.#stop?.()
  }

  #ring(): void {
    this.#rung = true
    this.#wake?.abort()
  }
}

function locksOf({ locks, transport }: BrokerRuntime): Locks {
  if (locks !== undefined) return locks
  throw new UnsupportedError(
    `transport '${transport.name}' keeps no locks: use memory:, sqlite: or redis:.`,
  )
}

function positive(ttl: Duration): number {
  const ms = milliseconds(ttl)
  if (ms > 0) return ms
  throw new InvalidInputError('the ttl of a lock is more than 0.')
}

interface Hold {
  readonly permit: Permit
  readonly ms: number
  /** Of the monotonic clock: from when on it is held, at the latest. */
  readonly since: number
}

/** A permit, extended while the event loop turns. */
class StoreLock implements HeldLock {
  readonly #runtime: BrokerRuntime
  readonly #locks: Locks
  readonly #permit: Permit
  readonly #ms: number
  readonly #controller = new AbortController()
  #until: number
  #beat: Timer | undefined
  #released: Promise<boolean> | undefined

  constructor(runtime: BrokerRuntime, locks: Locks, { permit, ms, since }: Hold) {
    this.#runtime = runtime
    this.#locks = locks
    this.#permit = permit
    this.#ms = ms
    this.#until = since + ms
    this.#arm()
  }

  get key(): string {
    return this.#permit.key
  }

  get token(): number {
    return this.#permit.fence
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  async extend(ttl?: Duration): Promise<void> {
    if (!(await this.#extend(ttl === undefined ? this.#ms : positive(ttl))))
      throw new LockLostError(this.key)
  }

  release(): Promise<boolean> {
    this.#beat?.cancel()
    this.#released ??= this.#locks.free(this.#permit)
    return this.#released
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.release()
  }

  async #extend(ms: number): Promise<boolean> {
    if (this.#released !== undefined || this.signal.aborted) return false
    const { clock } = this.#runtime.surroundings
    const asked = clock.monotonic()
    const held = await this.#locks.renew(this.#permit, ms)
    if (held) this.#until = asked + ms
    else if (this.#released === undefined) this.#lost()
    return held
  }

  #arm(): void {
    const { clock, logger } = this.#runtime.surroundings
    const beat = async (): Promise<void> => {
      try {
        await this.#extend(this.#ms)
      } catch (error) {
        // The store is away: it is asked again until the hold has ended by time.
        logger.warn('a lock could not be extended', { key: this.key, error })
        if (clock.monotonic() >= this.#until) this.#lost()
      }
      if (this.#released === undefined && !this.signal.aborted) this.#arm()
    }
    this.#beat = clock.after(this.#ms / beatsPerTtl, () => void beat(), { background: true })
  }

  #lost(): void {
    this.#beat?.cancel()
    this.#controller.abort(new LockLostError(this.key))
  }
}
