import type { Db } from '../data/tables.ts'
import { getTranscript } from '../data/transcripts.ts'
import { broker } from '../broker.ts'
import { pipelineFileProcess } from './file-process.ts'

const going = new Set(['scheduled', 'queued', 'running', 'retrying'])

/**
 * Sends a transcript to be processed, unless that is going on. Processing has a number, and the number is
 * part of the task's id: of any two that ask at the same time one sends it, and the other is told that
 * it runs. Celery asked all workers for this, and knew only what they had in hand.
 */
export async function startProcessing(db: Db, id: string): Promise<'ok' | 'already running'> {
  const { processings } = await getTranscript(db, id)
  const last = await broker.handle(taskId(id, processings)).status()
  if (last !== null && going.has(last)) return 'already running'
  let next = processings
  if (last !== null) {
    next++
    // Only one of those who saw the end of the last run counts on.
    await db
      .updateTable('transcript')
      .set({ processings: next })
      .where('id', '=', id)
      .where('processings', '=', processings)
      .execute()
  }
  const handle = await pipelineFileProcess.kicker().withTaskId(taskId(id, next)).kiq(id)
  return handle.isDuplicate ? 'already running' : 'ok'
}

/** The id of the task that processes a transcript for the nth time. */
export const taskId = (id: string, processings: number): string => `file-${id}-${processings}`
