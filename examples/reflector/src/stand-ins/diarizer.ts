import { Hono } from 'hono'
import type { AudioTool } from '../audio/audio-tool.ts'
import { tellVoices } from '../audio/tell-voices.ts'
import { listenTo } from './listening.ts'

/** A diarization service: fetches the recording and tells the voices apart by how high they are. */
export function diarizer(tool: AudioTool): Hono {
  return new Hono().post('/diarize', async (context) => {
    const { audio_file_url, timestamp = '0' } = context.req.query()
    if (audio_file_url === undefined) return context.json({ error: 'audio_file_url' }, 422)
    const offset = Number(timestamp)
    const segments = tellVoices(await listenTo(audio_file_url, tool))
    return context.json({
      diarization: segments.map(({ start, end, speaker }) => ({
        start: start + offset,
        end: end + offset,
        speaker,
      })),
    })
  })
}
