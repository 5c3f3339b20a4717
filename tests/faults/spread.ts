/** Milliseconds of several spans: their middle, their 99th percentile and the longest. */
export interface Spread {
  readonly count: number
  readonly p50: number
  readonly p99: number
  readonly max: number
}

/** The spread of spans. */
export function spreadOf(spans: readonly number[]): Spread {
  const sorted = [...spans].sort((a, b) => a - b)
  const at = (share: number): number =>
    Math.round(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0)
  return { count: sorted.length, p50: at(0.5), p99: at(0.99), max: at(1) }
}
