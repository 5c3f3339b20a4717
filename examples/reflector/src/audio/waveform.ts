const segments = 255

/**
 * The outline of a recording: the loudest sample of each of 255 segments, 0 to 1 with two decimals.
 * A recording with fewer samples has fewer segments.
 */
export function waveformOf(samples: Int16Array): number[] {
  const size = Math.max(1, samples.length / segments)
  const peaks: number[] = []
  for (let index = 0; index < segments && Math.floor(index * size) < samples.length; index++) {
    const part = samples.subarray(Math.floor(index * size), Math.ceil((index + 1) * size))
    peaks.push(part.reduce((peak, sample) => Math.max(peak, Math.abs(sample)), 0))
  }
  const loudest = Math.max(1, ...peaks)
  return peaks.map((peak) => Math.round((peak / loudest) * 100) / 100)
}
