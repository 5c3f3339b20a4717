import { Hono } from 'hono'
import * as z from 'zod'
import type { AudioTool } from '../audio/audio-tool.ts'
import { dialogue, wordsOf } from '../audio/dialogue.ts'
import { soundSpans } from '../audio/sound-spans.ts'
import type { Pcm } from '../audio/wav.ts'
import { listen, listenTo } from './listening.ts'

const script = dialogue.flatMap(({ text }) => wordsOf(text))
const fromUrl = z.object({ audio_file_url: z.url(), language: z.string(), batch: z.boolean() })

/**
 * A transcription service. It does not understand speech, but it listens: there is a word where there
 * is a sound, as long as the sound; which word it is comes from the script. The words of a file come
 * in no particular order, as those of a service that works in parallel do.
 */
export function transcriber(tool: AudioTool): Hono {
  return new Hono()
    .post('/v1/audio/transcriptions-from-url', async (context) => {
      const { audio_file_url } = fromUrl.parse(await context.req.json())
      const words = heardWords(await listenTo(audio_file_url, tool))
      return context.json({ words: shuffled(words) })
    })
    .post('/v1/audio/transcriptions', async (context) => {
      const form = await context.req.formData()
      const file = form.get('file')
      if (!(file instanceof File)) return context.json({ error: 'file is missing' }, 400)
      const first = Number(form.get('first_word') ?? 0)
      const pcm = await listen(Buffer.from(await file.arrayBuffer()), tool)
      const words = heardWords(pcm, first)
      return context.json({ text: words.map(({ word }) => word).join(' '), words })
    })
    .post('/translate', (context) => {
      const { text = '', target_language = 'en' } = context.req.query()
      return context.json({ text: { [target_language]: `[${target_language}] ${text}` } })
    })
}

interface HeardWord {
  readonly word: string
  readonly start: number
  readonly end: number
}

function heardWords(pcm: Pcm, first = 0): HeardWord[] {
  return soundSpans(pcm).map(({ start, end }, index) => ({
    word: script[(first + index) % script.length] ?? '',
    start: Math.round(start * 1000) / 1000,
    end: Math.round(end * 1000) / 1000,
  }))
}

/** The same order for the same words: every seventh, then every seventh from the second, … */
function shuffled<T>(list: readonly T[]): T[] {
  return [...list.keys()]
    .sort((a, b) => (a % 7) - (b % 7) || b - a)
    .flatMap((index) => list.slice(index, index + 1))
}
