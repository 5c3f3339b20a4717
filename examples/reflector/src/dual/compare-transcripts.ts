import { eventsAfter } from '../data/events.ts'
import type { Db } from '../data/tables.ts'
import { topicsOf } from '../data/topics.ts'
import { getTranscript } from '../data/transcripts.ts'

/** Something that two systems made differently. */
export interface Difference {
  readonly what: string
  readonly old: unknown
  readonly next: unknown
}

/** What differs between the transcript that the old system made and the one that its shadow made. */
export async function compareTranscripts(
  old: Db,
  next: Db,
  id: string,
): Promise<readonly Difference[]> {
  const [one, other] = await Promise.all([facts(old, id), facts(next, id)])
  return Object.keys(one).flatMap((what) => {
    const [a, b] = [one[what], other[what]]
    return JSON.stringify(a) === JSON.stringify(b) ? [] : { what, old: a, next: b }
  })
}

/** What must be alike. When it was made, and what the outside world called it, need not. */
async function facts(db: Db, id: string): Promise<Record<string, unknown>> {
  const { status, title, short_summary, long_summary, duration } = await getTranscript(db, id)
  const events = (await eventsAfter(db, id, 0)).map(({ event, data }) => ({ event, data }))
  // Title and summaries are made beside each other: which of them is told first is chance.
  const told = events.map((one) => JSON.stringify(one)).sort()
  return {
    ...{ status, title, short_summary, long_summary },
    duration,
    topics: await topicsOf(db, id),
    told,
  }
}
