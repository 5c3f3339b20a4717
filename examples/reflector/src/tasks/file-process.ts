import { TaskContext } from 'taskwright'
import { broker } from '../broker.ts'
import { patchTranscript, setStatus } from '../data/transcripts.ts'
import { processFile } from '../pipelines/file-pipeline.ts'
import { inTransaction } from '../pipelines/workshop.ts'
import { afterFile } from '../workflows.ts'
import { workshop } from './dependencies.ts'
import { isOurFailure } from './is-our-failure.ts'

/** Makes a transcript of a complete recording, and sends what follows. */
export const pipelineFileProcess = broker.task(
  {
    name: 'task_pipeline_file_process',
    aliases: ['reflector.pipelines.main_file_pipeline.task_pipeline_file_process'],
    deps: { workshop, ctx: TaskContext },
    params: ['transcript_id'],
    timeout: '20m',
  },
  async ({ workshop, ctx }, transcriptId: string) => {
    const run = {
      signal: ctx.signal,
      warn: (message: string, error?: unknown) =>
        ctx.logger.warn(message, { error, transcript: transcriptId }),
    }
    try {
      await processFile(workshop, transcriptId, run)
    } catch (error) {
      if (isOurFailure(ctx.signal))
        await inTransaction(workshop, (db) => setStatus(db, transcriptId, 'error'))
      throw error
    }
    const { runId } = await afterFile(transcriptId, ctx.taskId)
    await patchTranscript(workshop.db, transcriptId, { workflow_run_id: runId })
  },
)
