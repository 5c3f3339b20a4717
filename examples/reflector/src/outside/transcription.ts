import * as z from 'zod'
import { ask } from './ask.ts'

const words = z.object({
  words: z.array(z.object({ word: z.string(), start: z.number(), end: z.number() })),
})

/** A word as it was heard, in seconds from the beginning. */
export interface HeardWord {
  readonly text: string
  readonly start: number
  readonly end: number
}

/** The service that turns speech into words. */
export class Transcription {
  readonly #url: string

  constructor(url: string) {
    this.#url = url
  }

  /** The words of a whole recording, in order: the service gives them in any order. */
  async ofUrl(
    audio: { url: string; language: string },
    signal?: AbortSignal,
  ): Promise<HeardWord[]> {
    const body = { audio_file_url: audio.url, language: audio.language, batch: true }
    const answer = await ask(`${this.#url}/v1/audio/transcriptions-from-url`, {
      method: 'POST',
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json' },
      timeout: 600_000,
      service: 'the transcriber',
      signal,
    })
    return sorted(await answer.json(), 0)
  }

  /**
   * The words of a piece of a recording that is still going on. `offset` is where the piece begins,
   * in seconds; `firstWord` how many words came before it.
   */
  async ofPiece(
    wav: Buffer,
    piece: { offset: number; firstWord: number; language: string },
  ): Promise<HeardWord[]> {
    const form = new FormData()
    form.set('file', new File([new Uint8Array(wav)], 'piece.wav', { type: 'audio/wav' }))
    form.set('model', 'whisper')
    form.set('response_format', 'verbose_json')
    form.set('language', piece.language)
    form.set('first_word', String(piece.firstWord))
    form.append('timestamp_granularities[]', 'word')
    const answer = await ask(`${this.#url}/v1/audio/transcriptions`, {
      method: 'POST',
      body: form,
      timeout: 90_000,
      service: 'the transcriber',
    })
    return sorted(await answer.json(), piece.offset)
  }

  async translate(text: string, from: string, to: string): Promise<string> {
    const query = new URLSearchParams({ text, source_language: from, target_language: to })
    const answer = await ask(`${this.#url}/translate?${query.toString()}`, {
      method: 'POST',
      timeout: 90_000,
      service: 'the translator',
    })
    const found = z.object({ text: z.record(z.string(), z.string()) }).parse(await answer.json())
    return found.text[to] ?? text
  }
}

function sorted(answer: unknown, offset: number): HeardWord[] {
  return words
    .parse(answer)
    .words.map(({ word, start, end }) => ({
      text: word,
      start: start + offset,
      end: end + offset,
    }))
    .sort((a, b) => a.start - b.start)
}
