import { afterEach, expect, it } from 'vitest'
import { isSignedWith } from '../src/outside/webhook-signature.ts'
import { sendTranscriptWebhook, sendWebhookIfNeeded } from '../src/tasks/webhooks.ts'
import { onRedis, setStage, virtualOnly, type Stage } from './stage.ts'

let stage: Stage
afterEach(() => stage.end())

async function complete(env?: Record<string, string>): Promise<{ id: string; room: string }> {
  stage = await setStage({ mode: 'inline' }, env)
  const room = await stage.room()
  const transcript = await stage.transcript({ source_kind: 'room', room_id: room.id })
  return { id: transcript.id, room: room.id }
}

it('500, 500, 200: three requests of one event, each signed, after one and two minutes', async () => {
  const { id, room } = await complete()
  stage.world.faults.plan({ service: 'receiver', times: 2, does: { status: 500 } })
  const handle = await sendTranscriptWebhook.kiq(id, room, 'event-1')
  await stage.app.drain()
  expect(await handle.status()).toBe('succeeded')
  const visits = stage.world.journal.of('receiver')
  expect(visits.map(({ status }) => status)).toEqual([500, 500, 204])
  expect(visits.map(({ headers }) => headers['x-webhook-retry'])).toEqual(['0', '1', '2'])
  const events = visits.map(({ body }) => (JSON.parse(body) as { event_id: string }).event_id)
  expect(events).toEqual(['event-1', 'event-1', 'event-1'])
  for (const { headers, body } of visits) {
    const signature = headers['x-webhook-signature'] ?? ''
    const time = Number(/t=(\d+)/.exec(signature)?.[1]) * 1000
    const signed = { signature, body, now: time, maxAge: 1 }
    expect(isSignedWith('webhook-secret', signed)).toBe(true)
  }
  const [first, second] = delaysOf(visits)
  expect(first).toBeGreaterThanOrEqual(1)
  expect(second).toBeGreaterThanOrEqual(2)
})

/** In minutes; on Redis the workers were told that one has 200 ms. */
function delaysOf(visits: readonly { readonly at: number }[]): number[] {
  const runs = onRedis ? visits : stage.virtual.journal.filter(({ kind }) => kind === 'started')
  const minute = onRedis ? 195 : 60_000
  return runs.slice(1).map(({ at }, index) => (at - (runs[index]?.at ?? 0)) / minute)
}

it.skipIf(onRedis)(
  `a receiver that stays down is asked 31 times, at most hourly, and then the message is kept${virtualOnly}`,
  async () => {
    const { id, room } = await complete()
    stage.world.faults.plan({ service: 'receiver', times: 'always', does: { status: 503 } })
    const handle = await sendTranscriptWebhook.kiq(id, room, 'event-2')
    await stage.app.drain()
    expect(stage.world.journal.of('receiver')).toHaveLength(31)
    expect(await handle.status()).toBe('failed')
    const starts = stage.virtual.journal
      .filter(({ kind }) => kind === 'started')
      .map(({ at }) => at)
    const minutes = starts
      .slice(1)
      .map((at, index) => Math.round((at - (starts[index] ?? 0)) / 60_000))
    expect(minutes.slice(0, 8)).toEqual([1, 2, 4, 8, 16, 32, 60, 60])
    expect(Math.max(...minutes)).toBe(60)
  },
)

it('a receiver that says no is not asked again', async () => {
  const { id, room } = await complete()
  stage.world.faults.plan({ service: 'receiver', does: { status: 404 } })
  const handle = await sendTranscriptWebhook.kiq(id, room, 'event-3')
  await stage.app.drain()
  expect(await handle.status()).toBe('succeeded')
  expect(stage.world.journal.of('receiver')).toHaveLength(1)
})

it('a connection that breaks is one more retry', async () => {
  const { id, room } = await complete()
  stage.world.faults.plan({ service: 'receiver', does: { reset: true } })
  const handle = await sendTranscriptWebhook.kiq(id, room, 'event-4')
  await stage.app.drain()
  expect(await handle.status()).toBe('succeeded')
  expect(stage.world.receiver.received.map(({ retry }) => retry)).toEqual([1])
})

it('a receiver that never answers is given up after its time, and asked again', async () => {
  const { id, room } = await complete({ WEBHOOK_TIMEOUT_SECONDS: '0.3' })
  stage.world.faults.plan({ service: 'receiver', does: { hang: true } })
  const handle = await sendTranscriptWebhook.kiq(id, room, 'event-5')
  await stage.app.drain()
  expect(await handle.status()).toBe('succeeded')
  expect(stage.world.journal.of('receiver')).toHaveLength(2)
})

it.skipIf(onRedis)(
  `a webhook is sent for rooms that have one, once for each dispatch however often it runs${virtualOnly}`,
  async () => {
    const { id } = await complete()
    stage.virtual.faults.deliverTwice(sendWebhookIfNeeded)
    await sendWebhookIfNeeded.kiq(id)
    await stage.app.drain()
    expect(stage.world.receiver.received).toHaveLength(1)
    expect(stage.virtual.faults.pending).toEqual([])
    const file = await stage.transcript({ source_kind: 'file' })
    await sendWebhookIfNeeded.kiq(file.id)
    await sendWebhookIfNeeded.kiq('nobody')
    expect(stage.app.sent(sendTranscriptWebhook)).toHaveLength(1)
    expect(stage.app.failures).toEqual([])
  },
)
