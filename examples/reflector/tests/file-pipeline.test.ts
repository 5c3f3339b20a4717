import { afterEach, expect, it } from 'vitest'
import { wordsOf } from '../src/audio/dialogue.ts'
import { eventsAfter, type NumberedEvent } from '../src/data/events.ts'
import { topicsOf } from '../src/data/topics.ts'
import { getTranscript, setUploaded, type Transcript } from '../src/data/transcripts.ts'
import { webvttOf } from '../src/pipelines/webvtt.ts'
import { cleanupConsent } from '../src/tasks/consent.ts'
import { pipelineFileProcess } from '../src/tasks/file-process.ts'
import { startProcessing } from '../src/tasks/start-processing.ts'
import { sendTranscriptWebhook, sendWebhookIfNeeded } from '../src/tasks/webhooks.ts'
import { postToZulip } from '../src/tasks/zulip-post.ts'
import { onRedis, setStage, shortTalk, type Stage } from './stage.ts'

let stage: Stage
afterEach(() => stage.end())

async function uploaded(): Promise<Transcript> {
  const room = await stage.room()
  const transcript = await stage.transcript({ source_kind: 'room', room_id: room.id })
  await stage.recording(transcript, 'upload.wav')
  await setUploaded(stage.db, transcript.id)
  return transcript
}

async function process(id: string): Promise<string> {
  const answer = await startProcessing(stage.db, id)
  await stage.app.drain()
  return answer
}

const eventsOf = (id: string): Promise<NumberedEvent[]> => eventsAfter(stage.db, id, 0)

it('a recording becomes a transcript, and its customers are told', async () => {
  stage = await setStage({ mode: 'inline' })
  const { id } = await uploaded()
  expect(await process(id)).toBe('ok')
  expect(stage.app.failures).toEqual([])

  const transcript = await getTranscript(stage.db, id)
  expect(transcript).toMatchObject({ status: 'ended', title: expect.stringMatching(/^Planning/) })
  expect(transcript.short_summary).toContain('The talk was about')
  expect(transcript.long_summary).toMatch(/# Quick recap[^]*# Summary[^]*\*\*/)
  const topics = await topicsOf(stage.db, id)
  expect(topics.length).toBeGreaterThan(0)
  const words = topics.flatMap((topic) => topic.words)
  expect(words.map(({ text }) => text)).toEqual(shortTalk.flatMap(({ text }) => wordsOf(text)))
  expect(words.map(({ start }) => start)).toEqual(
    words.map(({ start }) => start).sort((a, b) => a - b),
  )
  // The first speaker says the words of the first turn, and the second the others.
  const turn = wordsOf(shortTalk[0]?.text ?? '').length
  expect(words.map(({ speaker }) => speaker)).toEqual(
    words.map((_, index) => (index < turn ? 0 : 1)),
  )
  expect(webvttOf(topics)).toContain('<v Speaker1>')

  const events = await eventsOf(id)
  expect(events[0]).toMatchObject({ event: 'STATUS', data: { value: 'processing' } })
  expect(events[1]).toMatchObject({ event: 'DURATION' })
  expect(events.at(-1)).toMatchObject({ event: 'STATUS', data: { value: 'ended' } })
  expect(new Set(events.map(({ event }) => event))).toEqual(
    new Set([
      ...['STATUS', 'DURATION', 'WAVEFORM', 'TOPIC'],
      ...['FINAL_TITLE', 'FINAL_LONG_SUMMARY', 'FINAL_SHORT_SUMMARY'],
    ]),
  )
  const outline = events.find(({ event }) => event === 'WAVEFORM')
  const values = outline?.event === 'WAVEFORM' ? outline.data.waveform : []
  expect(values.length).toBeGreaterThanOrEqual(250)
  expect(values.every((value) => value >= 0 && value <= 1)).toBe(true)

  expect(stage.world.receiver.received).toMatchObject([
    { event: 'transcript.completed', retry: 0, body: { transcript: { id, status: 'ended' } } },
  ])
  expect([...stage.world.zulip.messages.values()][0]?.content).toContain(transcript.title ?? '?')
})

it('a transcriber that fails ends it in error, with nothing sent; processed again it ends well', async () => {
  stage = await setStage({ mode: 'inline' })
  const { id } = await uploaded()
  stage.world.faults.plan({ service: 'transcriber', does: { status: 500 } })
  await process(id)
  expect((await getTranscript(stage.db, id)).status).toBe('error')
  expect((await eventsOf(id)).at(-1)).toMatchObject({ data: { value: 'error' } })
  expect(stage.app.sent(cleanupConsent)).toEqual([])
  expect(await process(id)).toBe('ok')
  expect((await getTranscript(stage.db, id)).status).toBe('ended')
  expect(stage.world.receiver.received).toHaveLength(1)
})

it('without the diarizer there is one speaker; without the title there are the summaries', async () => {
  stage = await setStage({ mode: 'inline' })
  const { id } = await uploaded()
  stage.world.faults.plan({ service: 'diarizer', does: { reset: true } })
  stage.world.faults.plan({ service: 'llm', body: 'one title', does: { status: 503 } })
  await process(id)
  const transcript = await getTranscript(stage.db, id)
  expect(transcript).toMatchObject({ status: 'ended', title: null })
  expect(transcript.short_summary).not.toBeNull()
  const topics = await topicsOf(stage.db, id)
  const speakers = new Set(topics.flatMap(({ words }) => words.map(({ speaker }) => speaker)))
  expect(speakers).toEqual(new Set([0]))
})

it('of those who ask at the same time one starts it, and it runs once', async () => {
  stage = await setStage({ mode: 'concurrent', seed: 11 })
  const { id } = await uploaded()
  const answers = await Promise.all([1, 2, 3].map(() => startProcessing(stage.db, id)))
  expect(answers.sort()).toEqual(['already running', 'already running', 'ok'])
  await stage.app.drain()
  expect(stage.app.settled(pipelineFileProcess)).toHaveLength(1)
  const again = await Promise.all([1, 2, 3].map(() => startProcessing(stage.db, id)))
  expect(again.sort()).toEqual(['already running', 'already running', 'ok'])
  await stage.app.drain()
  expect(stage.app.settled(pipelineFileProcess)).toHaveLength(2)
})

it('a worker that dies when all is done and nobody was told sends what follows once', async () => {
  stage = await setStage({ mode: 'concurrent', seed: 5 })
  const { id } = await uploaded()
  stage.app.killIn(pipelineFileProcess.name)
  await process(id)
  expect(stage.app.killsToCome).toEqual([])
  expect((await getTranscript(stage.db, id)).status).toBe('ended')
  for (const task of [cleanupConsent, postToZulip, sendWebhookIfNeeded, sendTranscriptWebhook])
    expect(stage.app.settled(task as typeof cleanupConsent)).toHaveLength(1)
  expect(stage.world.receiver.received).toHaveLength(1)
})

it('consent comes before Zulip, and Zulip before the webhook, under any order of workers', async () => {
  // The order is kept by the store: each seed lets workers take what they find in an order of its own.
  const orders = onRedis ? 5 : 50
  for (let seed = 1; seed <= orders; seed++) {
    stage = await setStage({ mode: 'concurrent', seed })
    const { afterFile } = await import('../src/workflows.ts')
    const room = await stage.room()
    const ids: string[] = []
    for (const _ of [1, 2]) {
      const { id } = await stage.transcript({ source_kind: 'room', room_id: room.id })
      ids.push(id)
    }
    await Promise.all(ids.map((id) => afterFile(id, id)))
    await stage.app.drain()
    for (const id of ids) {
      const order = stage.app.settled().filter(({ args }) => args[0] === id)
      const names = order.map(({ task }) => task)
      // The webhook itself is no part of the workflow: it may arrive before its sender has ended.
      expect(names.filter((name) => name !== 'send_transcript_webhook')).toEqual([
        'task_cleanup_consent',
        'task_pipeline_post_to_zulip',
        'task_send_webhook_if_needed',
      ])
      expect(names.filter((name) => name === 'send_transcript_webhook')).toHaveLength(1)
    }
    if (seed < orders) await stage.end()
  }
})

it('an outage of Zulip does not keep the transcript from the customer', async () => {
  stage = await setStage({ mode: 'inline' })
  const { id } = await uploaded()
  stage.world.faults.plan({ service: 'zulip', times: 'always', does: { status: 502 } })
  await process(id)
  expect(stage.app.settled(postToZulip)[0]?.status).toBe('failed')
  expect(stage.world.receiver.received).toHaveLength(1)
  expect((await getTranscript(stage.db, id)).status).toBe('ended')
})
