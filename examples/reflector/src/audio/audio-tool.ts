import type { Pcm } from './wav.ts'

/** What is asked of the program that knows audio formats. */
export interface AudioTool {
  readonly name: string
  /** What {@link extract} writes. */
  readonly format: 'mp3' | 'wav'
  /** Whether a file holds sound at all. */
  hasAudio(file: string): Promise<boolean>
  /** The sound of any file (also of a video), as one channel at `rate`. */
  decode(file: string, rate: number): Promise<Pcm>
  /** Writes the sound of `from` to `to`, in {@link format}; `to` is whole or not there. */
  extract(from: string, to: string): Promise<void>
}

/** How many milliseconds a recording lasts, with two decimals. */
export const durationOf = ({ samples, rate }: Pcm): number =>
  Math.round((samples.length / rate) * 100_000) / 100
