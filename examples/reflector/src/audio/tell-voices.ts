import { pitchOf } from './pitch.ts'
import { soundSpans } from './sound-spans.ts'
import type { Pcm } from './wav.ts'

/** Who speaks from when to when, in seconds. */
export interface SpeakerSegment {
  readonly start: number
  readonly end: number
  readonly speaker: number
}

/**
 * Tells two voices apart by their pitch: each sound has one; the two heights around which they
 * gather are the speakers, numbered in the order in which they begin. Voices closer than a fifth
 * of their height are taken for one.
 */
export function tellVoices(pcm: Pcm): SpeakerSegment[] {
  const heard = soundSpans(pcm).flatMap(({ start, end }) => {
    const samples = pcm.samples.subarray(start * pcm.rate, end * pcm.rate)
    const pitch = pitchOf({ rate: pcm.rate, samples })
    return pitch === undefined ? [] : [{ start, end, pitch }]
  })
  const [low, high] = twoMeans(heard.map(({ pitch }) => pitch))
  const both = high > low * 1.2
  const speakers: boolean[] = []
  const segments: { start: number; end: number; speaker: number }[] = []
  for (const { start, end, pitch } of heard) {
    const isHigh = both && Math.abs(pitch - high) < Math.abs(pitch - low)
    if (!speakers.includes(isHigh)) speakers.push(isHigh)
    const speaker = speakers.indexOf(isHigh)
    const last = segments.at(-1)
    if (last?.speaker === speaker) last.end = end
    else segments.push({ start, end, speaker })
  }
  return segments
}

function twoMeans(values: readonly number[]): [number, number] {
  let [low, high] = [Math.min(...values), Math.max(...values)]
  for (let round = 0; round < 10; round++) {
    const isHigh = (value: number): boolean => Math.abs(value - high) < Math.abs(value - low)
    low = mean(
      values.filter((value) => !isHigh(value)),
      low,
    )
    high = mean(values.filter(isHigh), high)
  }
  return [low, high]
}

function mean(values: readonly number[], otherwise: number): number {
  if (values.length === 0) return otherwise
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
