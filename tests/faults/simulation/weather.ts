import type { Random } from '../../../src/core/random.ts'

/** How likely each fault is, for one call or one moment. Every seed has its own mixture, many of them zero. */
export interface Weather {
  /** A call does nothing and fails. */
  readonly refused: number
  /** A call is done, and its answer is lost. */
  readonly lost: number
  /** A call's answer comes after more than a lease. */
  readonly slow: number
  /** The process vanishes before a call, or behind it. */
  readonly vanish: number
  /** A process stands still for some time (in each second). */
  readonly freeze: number
  /** A worker is stopped in order and replaced (in each second). */
  readonly stop: number
  /** The machine's clock is set (in each second). */
  readonly step: number
}

/** No faults at all. */
export const calm: Weather = {
  refused: 0,
  lost: 0,
  slow: 0,
  vanish: 0,
  freeze: 0,
  stop: 0,
  step: 0,
}

/** The weather of a seed: each fault is absent, rare or frequent. */
export function drawWeather(random: Random): Weather {
  const some = (rare: number, frequent: number): number => {
    const draw = random.next()
    return draw < 0.4 ? 0 : draw < 0.75 ? rare : frequent
  }
  return {
    refused: some(0.02, 0.15),
    lost: some(0.02, 0.15),
    slow: some(0.01, 0.06),
    vanish: some(0.004, 0.025),
    freeze: some(0.05, 0.3),
    stop: some(0.1, 0.8),
    step: some(0.01, 0.05),
  }
}
