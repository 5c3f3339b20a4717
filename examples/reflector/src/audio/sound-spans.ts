import type { Pcm } from './wav.ts'

/** A stretch of sound, in seconds. */
export interface Span {
  readonly start: number
  readonly end: number
}

const frame = 0.01

/** Where there is sound: frames of 10 ms above a twelfth of the loudest, shorter gaps than 40 ms closed. */
export function soundSpans({ samples, rate }: Pcm): Span[] {
  const size = Math.round(frame * rate)
  const loudness: number[] = []
  for (let at = 0; at < samples.length; at += size) {
    const part = samples.subarray(at, at + size)
    loudness.push(Math.sqrt(part.reduce((sum, one) => sum + one * one, 0) / part.length))
  }
  const threshold = Math.max(60, Math.max(0, ...chunkMax(loudness)) / 12)
  const spans: { start: number; end: number }[] = []
  for (const [index, value] of loudness.entries()) {
    if (value < threshold) continue
    const start = index * frame
    const last = spans.at(-1)
    if (last !== undefined && start - last.end < 0.04) last.end = start + frame
    else spans.push({ start, end: start + frame })
  }
  return spans.filter(({ start, end }) => end - start >= 0.03)
}

/** `Math.max(...list)` has a limit of arguments; a long recording has more frames. */
function chunkMax(values: readonly number[]): number[] {
  const tops: number[] = []
  for (let at = 0; at < values.length; at += 10_000)
    tops.push(Math.max(...values.slice(at, at + 10_000)))
  return tops
}
