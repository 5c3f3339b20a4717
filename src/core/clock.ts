/** A pending timer; `cancel` may be called any number of times. */
export interface Timer {
  cancel(): void
}

/**
 * Time, injected everywhere: nothing else in the house calls `Date.now()` or `setTimeout`, so that
 * tests can move time by hand.
 */
export interface Clock {
  /** Wall-clock time in milliseconds since 1970 (may step when the machine's clock is set). */
  now(): number
  /** Milliseconds that only ever grow, for measuring spans. The zero point is arbitrary. */
  monotonic(): number
  /**
   * Calls `run` once after `ms`. `background: true` does not keep the process alive.
   * Errors thrown by `run` are the caller's to handle.
   */
  after(ms: number, run: () => void, options?: { background?: boolean | undefined }): Timer
  /** True where time passes only when a test says so: nothing is ever late then. */
  readonly virtual?: boolean | undefined
}

/** setTimeout fires at once beyond 2^31 - 1 ms (24.8 days): longer waits are cut into steps. */
const longestTimer = 2_147_483_647

/** The real clock of this process. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms, run, options) {
    let timer: ReturnType<typeof setTimeout>
    const arm = (left: number): void => {
      const step = Math.min(left, longestTimer)
      timer = setTimeout(() => (left > step ? arm(left - step) : run()), step)
      if (options?.background === true) timer.unref()
    }
    arm(Math.max(0, ms))
    return { cancel: () => clearTimeout(timer) }
  },
}

// Taken once: a test runner that fakes timers later fakes time, not the loop.
const nextTurn = setImmediate

/**
 * Calls `run` when everything that this turn of the event loop has started has had its say. It is no
 * time that passes: of use where calls of one turn are worth collecting.
 */
export function atEndOfTurn(run: () => void): void {
  nextTurn(run)
}

/**
 * Resolves after `ms`, or at once when the signal aborts (it never rejects: the caller looks at the
 * signal).
 */
export function sleep(
  clock: Clock,
  ms: number,
  options?: { signal?: AbortSignal | undefined; background?: boolean | undefined },
): Promise<void> {
  const signal = options?.signal
  if (signal?.aborted === true) return Promise.resolve()
  return new Promise((resolve) => {
    const done = (): void => {
      timer.cancel()
      signal?.removeEventListener('abort', done)
      resolve()
    }
    const timer = clock.after(ms, done, { background: options?.background })
    signal?.addEventListener('abort', done, { once: true })
  })
}
