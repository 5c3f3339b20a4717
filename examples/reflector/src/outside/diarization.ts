import * as z from 'zod'
import type { SpeakerSegment } from '../audio/tell-voices.ts'
import { ask } from './ask.ts'

const answered = z.object({
  diarization: z.array(z.object({ start: z.number(), end: z.number(), speaker: z.int() })),
})

/** The service that tells who speaks when. */
export class Diarization {
  readonly #url: string

  constructor(url: string) {
    this.#url = url
  }

  /** Within ten minutes, or not at all: Reflector waited for ever here. */
  async ofUrl(audio: string, signal?: AbortSignal): Promise<SpeakerSegment[]> {
    const query = new URLSearchParams({ audio_file_url: audio, timestamp: '0' })
    const answer = await ask(`${this.#url}/diarize?${query.toString()}`, {
      method: 'POST',
      timeout: 600_000,
      service: 'the diarizer',
      signal,
    })
    return answered.parse(await answer.json()).diarization
  }
}
