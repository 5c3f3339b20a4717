import type { Db } from './tables.ts'
import type { TranscriptStatus } from './status.ts'
import type { Topic } from './topics.ts'

/** What happens to a transcript, as those who watch are told. */
export type TranscriptEvent =
  | { readonly event: 'STATUS'; readonly data: { readonly value: TranscriptStatus } }
  | {
      readonly event: 'TRANSCRIPT'
      readonly data: { readonly text: string; readonly translation: string | null }
    }
  | { readonly event: 'TOPIC'; readonly data: Topic }
  | { readonly event: 'FINAL_TITLE'; readonly data: { readonly title: string } }
  | { readonly event: 'FINAL_LONG_SUMMARY'; readonly data: { readonly long_summary: string } }
  | { readonly event: 'FINAL_SHORT_SUMMARY'; readonly data: { readonly short_summary: string } }
  | { readonly event: 'DURATION'; readonly data: { readonly duration: number } }
  | { readonly event: 'WAVEFORM'; readonly data: { readonly waveform: readonly number[] } }

/** An event and its number; numbers rise and are never used twice. */
export type NumberedEvent = TranscriptEvent & { readonly seq: number }

/**
 * Adds an event. Its number is taken from the transcript's row, which the transaction holds until it
 * commits: numbers have no gaps, and whoever has read up to one has missed nothing before it.
 *
 * What there is only one of (the title, a topic by its id) takes the place of the one before, so a
 * task that ran twice has told once. Give a transaction.
 */
export async function addEvent(
  db: Db,
  transcriptId: string,
  { event, data }: TranscriptEvent,
): Promise<void> {
  const { event_seq: seq } = await db
    .updateTable('transcript')
    .set((e) => ({ event_seq: e('event_seq', '+', 1) }))
    .where('id', '=', transcriptId)
    .returning('event_seq')
    .executeTakeFirstOrThrow()
  const key = keyOf({ event, data } as TranscriptEvent)
  if (key !== null)
    await db
      .deleteFrom('transcript_event')
      .where('transcript_id', '=', transcriptId)
      .where('event_key', '=', key)
      .execute()
  await db
    .insertInto('transcript_event')
    .values({
      transcript_id: transcriptId,
      seq,
      event,
      event_key: key,
      data: JSON.stringify(data),
      created_at: new Date().toISOString(),
    })
    .execute()
}

/** Events after a number, in order. */
export async function eventsAfter(
  db: Db,
  transcriptId: string,
  seq: number,
): Promise<NumberedEvent[]> {
  const rows = await db
    .selectFrom('transcript_event')
    .select(['seq', 'event', 'data'])
    .where('transcript_id', '=', transcriptId)
    .where('seq', '>', seq)
    .orderBy('seq')
    .execute()
  return rows.map(
    ({ seq, event, data }) => ({ seq, event, data: JSON.parse(data) as unknown }) as NumberedEvent,
  )
}

/** Takes all events back, before a transcript is made anew. Their numbers are not used again. */
export async function clearEvents(db: Db, transcriptId: string): Promise<void> {
  await db.deleteFrom('transcript_event').where('transcript_id', '=', transcriptId).execute()
}

function keyOf({ event, data }: TranscriptEvent): string | null {
  if (event === 'STATUS' || event === 'TRANSCRIPT') return null
  return event === 'TOPIC' ? `TOPIC ${data.id}` : event
}
