import { createHash } from 'node:crypto'
import { exponential, TaskContext } from 'taskwright'
import { broker } from '../broker.ts'
import { topicsOf } from '../data/topics.ts'
import { getTranscript, NoTranscriptError } from '../data/transcripts.ts'
import { AnswerError, ask } from '../outside/ask.ts'
import { sign } from '../outside/webhook-signature.ts'
import { webhookPayload } from '../pipelines/webhook-payload.ts'
import { readSettings } from '../settings.ts'
import { database, now, settings } from './dependencies.ts'
import { roomOf } from './room-of.ts'

const { WEBHOOK_RETRY_SECONDS } = readSettings(process.env)

/**
 * Tells a customer of a complete transcript. Tried thirty times more with a growing delay, at most an
 * hour; all of them carry one event id, by which the receiver knows what it has seen. A receiver that
 * says no (4xx) is not asked again.
 */
export const sendTranscriptWebhook = broker.task(
  {
    name: 'send_transcript_webhook',
    aliases: ['reflector.worker.webhook.send_transcript_webhook'],
    deps: { database, settings, now, ctx: TaskContext },
    params: ['transcript_id', 'room_id', 'event_id'],
    retry: {
      max: 30,
      backoff: exponential(WEBHOOK_RETRY_SECONDS * 1000, { max: '1h' }),
      // Deleted meanwhile: it does not come back within a day of retries.
      unless: (error) => error instanceof NoTranscriptError,
    },
    timeout: '1m',
  },
  async (deps, transcriptId: string, roomId: string, eventId: string) => {
    const { database, settings, now, ctx } = deps
    const transcript = await getTranscript(database, transcriptId)
    const room = await database
      .selectFrom('room')
      .selectAll()
      .where('id', '=', roomId)
      .executeTakeFirst()
    if (room === undefined || room.webhook_url === null) return
    const topics = await topicsOf(database, transcriptId)
    const about = { transcript, topics, room, eventId, now: now(), uiUrl: settings.UI_BASE_URL }
    const body = webhookPayload(about)
    const headers = new Headers({
      'content-type': 'application/json',
      'user-agent': 'Reflector-Webhook/1.0',
      'x-webhook-event': 'transcript.completed',
      'x-webhook-retry': String(ctx.attempt - 1),
    })
    const seconds = Math.floor(now().getTime() / 1000)
    if (room.webhook_secret !== null)
      headers.set('x-webhook-signature', sign(room.webhook_secret, body, seconds))
    if (settings.DRY_RUN) {
      ctx.logger.info('this is a dry run: the webhook is not sent', { room: room.name })
      return
    }
    try {
      const timeout = settings.WEBHOOK_TIMEOUT_SECONDS * 1000
      const question = { method: 'POST', body, headers, timeout, signal: ctx.signal }
      await ask(room.webhook_url, { ...question, service: 'the webhook' })
    } catch (error) {
      if (!(error instanceof AnswerError) || error.status < 400 || error.status >= 500) throw error
      ctx.logger.error('the receiver refused the webhook', { error, room: room.name })
    }
  },
)

/** Sends the webhook of a transcript whose room has one. */
export const sendWebhookIfNeeded = broker.task(
  {
    name: 'task_send_webhook_if_needed',
    aliases: ['reflector.pipelines.main_file_pipeline.task_send_webhook_if_needed'],
    deps: { database, ctx: TaskContext },
    params: ['transcript_id'],
    timeout: '1m',
  },
  async ({ database, ctx }, transcriptId: string) => {
    const transcript = await getTranscript(database, transcriptId).catch((error: unknown) => {
      if (error instanceof NoTranscriptError) return undefined
      throw error
    })
    if (transcript === undefined || transcript.source_kind !== 'room') return
    const room = await roomOf(database, transcript)
    if (room === undefined || room.webhook_url === null) return
    // From this task's id: if it runs again after a death, it sends the same event, which is one message.
    const eventId = createHash('md5').update(ctx.taskId).digest('hex')
    const kicker = sendTranscriptWebhook.kicker().withTaskId(`webhook-${eventId}`)
    await kicker.kiq(transcriptId, room.id, eventId)
  },
)
