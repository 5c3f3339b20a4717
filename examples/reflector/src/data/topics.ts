import type { Db, TopicRow } from './tables.ts'

/** A word, in seconds from the beginning, and who said it. */
export interface Word {
  readonly text: string
  readonly start: number
  readonly end: number
  readonly speaker: number
}

/** A part of a conversation that is about one thing. */
export interface Topic {
  readonly id: string
  readonly title: string
  readonly summary: string
  readonly timestamp: number
  readonly duration: number
  readonly transcript: string
  readonly words: readonly Word[]
}

/** Adds a topic, or changes the one with its id. */
export async function saveTopic(db: Db, transcriptId: string, topic: Topic): Promise<void> {
  const row = { ...topic, words: JSON.stringify(topic.words), transcript_id: transcriptId }
  await db
    .insertInto('transcript_topic')
    .values(row)
    .onConflict((conflict) => conflict.column('id').doUpdateSet(row))
    .execute()
}

/** The topics of a transcript, in the order in which they were talked about. */
export async function topicsOf(db: Db, transcriptId: string): Promise<Topic[]> {
  const rows = await db
    .selectFrom('transcript_topic')
    .selectAll()
    .where('transcript_id', '=', transcriptId)
    .orderBy('timestamp')
    .execute()
  return rows.map(topicOf)
}

export async function clearTopics(db: Db, transcriptId: string): Promise<void> {
  await db.deleteFrom('transcript_topic').where('transcript_id', '=', transcriptId).execute()
}

function topicOf({ id, title, summary, timestamp, duration, transcript, words }: TopicRow): Topic {
  const said = JSON.parse(words) as Word[]
  return { id, title, summary, timestamp, duration, transcript, words: said }
}
