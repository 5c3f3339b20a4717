import type { Clock, Timer } from '../core/clock.ts'

/** Milliseconds between two looks, and how late one may be before the loop counts as blocked. */
const every = 500
const tolerated = 500

/**
 * Tells when the event loop was blocked: a timer that comes late by more than half a second was kept
 * from running by something synchronous.
 */
export function watchStalls(
  clock: Clock,
  onStall: (milliseconds: number) => void,
): { stop(): void } {
  // A tick every half second would make a virtual day long, and could never be late.
  if (clock.virtual === true) return { stop: () => {} }
  let timer: Timer
  let stopped = false
  const look = (): void => {
    const due = clock.monotonic() + every
    timer = clock.after(
      every,
      () => {
        if (stopped) return
        const late = clock.monotonic() - due
        if (late > tolerated) onStall(Math.round(late))
        look()
      },
      { background: true },
    )
  }
  look()
  return {
    stop() {
      stopped = true
      timer.cancel()
    },
  }
}
