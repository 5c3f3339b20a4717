import { wordsOf, type Turn } from './dialogue.ts'
import type { Pcm } from './wav.ts'

/** How high each of the two voices is, in Hz. */
export const voices = [115, 205] as const

/** A word in a recording and when it sounds, in seconds. */
export interface SpokenWord {
  readonly text: string
  readonly speaker: number
  readonly start: number
  readonly end: number
}

export interface RecordingOptions {
  readonly rate?: number | undefined
  /** How long a letter sounds, in seconds. */
  readonly letter?: number | undefined
}

/**
 * A recording in which two voices hum a dialogue: a word is a sound as long as its letters, with
 * silence around it. No machine understands it as English, but where the sound is, and which voice
 * it is, can be heard in it.
 */
export function makeRecording(
  turns: readonly Turn[],
  { rate = 16_000, letter = 0.03 }: RecordingOptions = {},
): Pcm & { readonly words: readonly SpokenWord[] } {
  const words: SpokenWord[] = []
  let at = 0.4
  for (const { speaker, text } of turns) {
    for (const word of wordsOf(text)) {
      const end = at + Math.max(0.09, word.length * letter)
      words.push({ text: word, speaker, start: at, end })
      at = end + (/[.?!]$/.test(word) ? 0.28 : 0.09)
    }
    at += 0.25
  }
  const samples = new Int16Array(Math.ceil((at + 0.3) * rate))
  for (const [index, word] of words.entries()) {
    // Nobody speaks all words alike: louder and quieter ones, the same in every recording.
    hum(samples, { ...word, rate, volume: 0.7 + 0.3 * Math.sin(index * 2.4) })
  }
  return { rate, samples, words }
}

/** A voice is a tone with overtones; its edges are soft, so that it does not click. */
function hum(
  samples: Int16Array,
  word: SpokenWord & { readonly rate: number; readonly volume: number },
): void {
  const { rate, start, end, volume } = word
  const pitch = voices[word.speaker] ?? voices[0]
  const [from, to] = [Math.round(start * rate), Math.round(end * rate)]
  const edge = 0.012 * rate
  for (let i = from; i < to; i++) {
    const loud = Math.min(1, (i - from) / edge, (to - i) / edge)
    const phase = (2 * Math.PI * pitch * (i - from)) / rate
    const tone = Math.sin(phase) + 0.5 * Math.sin(2 * phase) + 0.25 * Math.sin(3 * phase)
    samples[i] = Math.round(9000 * volume * loud * tone)
  }
}
