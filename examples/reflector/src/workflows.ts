import { createHash } from 'node:crypto'
import { chain, chord, type WorkflowHandle } from 'taskwright'
import { cleanupConsent } from './tasks/consent.ts'
import {
  markFailed,
  pipelineConvertToMp3,
  pipelineDiarization,
  pipelineFinalSummaries,
  pipelineRemoveUpload,
  pipelineTitle,
  pipelineUploadMp3,
  pipelineWaveform,
} from './tasks/live-steps.ts'
import { sendWebhookIfNeeded } from './tasks/webhooks.ts'
import { postToZulip } from './tasks/zulip-post.ts'

/**
 * What follows a file that was processed: consent, then Zulip, then the webhook. Zulip may fail: its
 * outage is no reason to keep the transcript from the customer.
 *
 * `cause` names what it follows; the same cause twice is one run.
 */
export function afterFile(id: string, cause: string): Promise<WorkflowHandle<unknown>> {
  return chain(
    cleanupConsent.si(id),
    postToZulip.si(id).allowFailure(),
    sendWebhookIfNeeded.si(id),
  ).kiqAs({ id: runId('after-file', cause), name: `after file ${id}` })
}

/**
 * What follows a live recording: the sound, step by step, and beside it the title; when both are done
 * the summaries, and Zulip last. When a step fails for good, the transcript says so, instead of being
 * processed for ever.
 */
export function afterLive(id: string, cause: string): Promise<WorkflowHandle<unknown>> {
  const sound = chain(
    pipelineWaveform.si(id),
    pipelineConvertToMp3.si(id),
    pipelineUploadMp3.si(id),
    pipelineRemoveUpload.si(id),
    pipelineDiarization.si(id),
    cleanupConsent.si(id),
  )
  return chord([sound, pipelineTitle.si(id)], pipelineFinalSummaries.si(id))
    .andThen(postToZulip.si(id))
    .onFailure(markFailed.si(id))
    .kiqAs({ id: runId('after-live', cause), name: `after live ${id}` })
}

function runId(kind: string, cause: string): string {
  return createHash('md5').update(`${kind} ${cause}`).digest('hex').slice(0, 20)
}
