import type { Clock, Timer } from '../core/clock.ts'

/** Milliseconds between two looks: 10 ms of delay in the mean, for about 1.5 % of a core. */
const every = 20

/**
 * Looks whether another connection has written, where the doorbell cannot be heard. Returns what ends
 * it. A look that fails is tried again: the calls that it would wake tell the error.
 */
export function pollVersion(
  clock: Clock,
  read: () => Promise<number>,
  onChange: () => void,
): () => void {
  let seen: number | undefined
  let timer: Timer | undefined
  let stopped = false
  const look = async (): Promise<void> => {
    try {
      const version = await read()
      if (seen !== undefined && seen !== version) onChange()
      seen = version
    } catch {
      seen = undefined
    }
    arm()
  }
  const arm = (): void => {
    if (!stopped) timer = clock.after(every, () => void look(), { background: true })
  }
  arm()
  return () => {
    stopped = true
    timer?.cancel()
  }
}
