import { TaskContext } from 'taskwright'
import { broker, stepRetry } from '../broker.ts'
import { topicsOf } from '../data/topics.ts'
import { getTranscript, patchTranscript } from '../data/transcripts.ts'
import { zulipMessage } from '../pipelines/zulip-message.ts'
import { withSession, workshop, zulip } from './dependencies.ts'
import { roomOf } from './room-of.ts'

/**
 * Posts a transcript to the stream of its room, or changes the message that is there. A message that
 * somebody deleted is posted anew.
 */
export const postToZulip = broker.task(
  {
    name: 'task_pipeline_post_to_zulip',
    aliases: ['reflector.pipelines.main_live_pipeline.task_pipeline_post_to_zulip'],
    deps: { workshop, session: withSession, zulip, ctx: TaskContext },
    params: ['transcript_id'],
    retry: stepRetry,
    timeout: '1m',
  },
  async ({ workshop, session, zulip, ctx }, transcriptId: string) => {
    const { db, settings } = workshop
    const transcript = await getTranscript(db, transcriptId)
    const room = await roomOf(db, transcript)
    if (zulip === undefined || room === undefined || room.zulip_auto_post === 0) return
    const topics = await topicsOf(db, transcriptId)
    const message = {
      stream: room.zulip_stream,
      topic: room.zulip_topic,
      content: zulipMessage(transcript, topics, settings.UI_BASE_URL),
    }
    let before = transcript.zulip_message_id
    // A worker that died may have posted it and not come to write that down.
    if (before === null && ctx.redeliveries > 0)
      before = (await zulip.find(message, transcriptId)) ?? null
    const edited = before !== null && (await zulip.edit(before, message))
    const id = edited && before !== null ? before : await zulip.post(message)
    await patchTranscript(await session.begin(), transcriptId, { zulip_message_id: id })
  },
)
