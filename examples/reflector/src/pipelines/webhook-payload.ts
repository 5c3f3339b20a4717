import type { RoomRow } from '../data/tables.ts'
import type { Topic } from '../data/topics.ts'
import type { Transcript } from '../data/transcripts.ts'
import { webvttOf } from './webvtt.ts'

/** What a customer is told of a transcript that is complete. */
export function webhookPayload(of: {
  readonly transcript: Transcript
  readonly topics: readonly Topic[]
  readonly room: RoomRow
  readonly eventId: string
  readonly now: Date
  readonly uiUrl: string
}): string {
  const { transcript, topics, room } = of
  return JSON.stringify({
    event: 'transcript.completed',
    event_id: of.eventId,
    timestamp: of.now.toISOString(),
    transcript: {
      id: transcript.id,
      room_id: transcript.room_id,
      created_at: transcript.created_at,
      duration: transcript.duration,
      title: transcript.title,
      short_summary: transcript.short_summary,
      long_summary: transcript.long_summary,
      webvtt: webvttOf(topics),
      topics: topics.map((topic) => ({
        title: topic.title,
        summary: topic.summary,
        timestamp: topic.timestamp,
        duration: topic.duration,
        webvtt: webvttOf([topic]),
      })),
      participants: participantsOf(topics),
      source_language: transcript.source_language,
      target_language: transcript.target_language,
      status: transcript.status,
      frontend_url: `${of.uiUrl}/transcripts/${transcript.id}`,
    },
    room: { id: room.id, name: room.name },
  })
}

function participantsOf(topics: readonly Topic[]): { speaker: number; name: string }[] {
  const speakers = new Set(topics.flatMap(({ words }) => words.map(({ speaker }) => speaker)))
  return [...speakers]
    .sort((a, b) => a - b)
    .map((speaker) => ({ speaker, name: `Speaker ${speaker + 1}` }))
}
