import type { Pcm } from './wav.ts'

const lowest = 70
const highest = 400

/**
 * How high a voice is, in Hz, by autocorrelation: the shift at which a sound is most like itself is
 * the length of its period. `undefined` where there is no voice.
 */
export function pitchOf({ samples, rate }: Pcm): number | undefined {
  const [from, to] = [Math.floor(rate / highest), Math.ceil(rate / lowest)]
  const length = samples.length - to
  if (length < to) return undefined
  const energy = correlation(samples, { shift: 0, length })
  if (energy === 0) return undefined
  let best = { shift: 0, likeness: 0 }
  for (let shift = from; shift <= to; shift++) {
    const likeness = correlation(samples, { shift, length }) / energy
    // Twice the period is as alike as the period: only a clearly better shift takes its place.
    if (likeness > best.likeness * 1.05) best = { shift, likeness }
  }
  return best.likeness > 0.3 ? rate / best.shift : undefined
}

function correlation(
  samples: Int16Array,
  { shift, length }: { shift: number; length: number },
): number {
  let sum = 0
  for (let i = 0; i < length; i++) sum += (samples[i] ?? 0) * (samples[i + shift] ?? 0)
  return sum
}
