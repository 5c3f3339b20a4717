import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../../src/core/clock.ts'
import { timeOrderedIds } from '../../../src/core/ids.ts'
import { silentLogger } from '../../../src/core/logger.ts'
import type { Envelope } from '../../../src/core/message.ts'
import { systemRandom } from '../../../src/core/random.ts'
import type { OpenTransport } from '../../../src/core/vendor.ts'
import { sqliteTransport } from '../../../src/sqlite/index.ts'

const around = { clock: systemClock, random: systemRandom, logger: silentLogger }
const newId = timeOrderedIds(systemClock, systemRandom)
const envelope = (more: Partial<Envelope> = {}): Envelope => ({
  id: newId(),
  queue: 'default',
  priority: 4,
  body: '{"task":"a"}',
  ...more,
})

describe.each([false, true])('the SQLite transport, thread: %s', (thread) => {
  let folder: string
  let open: OpenTransport

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'taskwright-sqlite-'))
    open = sqliteTransport({ file: join(folder, 'tasks.db'), thread }).create(around)
    await open.transport.start()
    await open.results.start()
  })

  afterEach(async () => {
    await open.results.stop()
    await open.transport.stop()
    rmSync(folder, { recursive: true })
  })

  const receive = (room = 10, wait = 0) =>
    open.transport.receive({
      queues: ['default'],
      room,
      lease: 30_000,
      wait,
      signal: new AbortController().signal,
    })

  it('carries a message from send to settle with its result', async () => {
    const sent = envelope()
    expect(await open.transport.send([sent])).toEqual(['stored'])
    expect(await open.transport.send([sent])).toEqual(['known'])
    const [delivery] = await receive()
    expect(delivery).toMatchObject({
      id: sent.id,
      queue: 'default',
      body: sent.body,
      redeliveries: 0,
    })
    if (delivery === undefined) throw new Error('nothing was received')
    const waiting = open.results.wait(sent.id, { signal: AbortSignal.timeout(5000) })
    const result = { id: sent.id, body: 'done', expiresIn: 60_000 }
    const settlement = { claim: delivery, outcome: { kind: 'succeeded' as const }, result }
    expect(await open.transport.settle([settlement])).toEqual(['settled'])
    expect(await waiting).toBe('done')
    expect(await open.transport.settle([settlement])).toEqual(['gone'])
    expect(await open.transport.send([sent])).toEqual(['known'])
  })

  it('keeps text as text and bytes as bytes, small, large and empty', async () => {
    const bodies = [
      '',
      'ä',
      'x'.repeat(5000),
      new Uint8Array(0),
      new Uint8Array([0, 255]),
      new Uint8Array(5000),
    ]
    await open.transport.send(bodies.map((body) => envelope({ body })))
    const received = await receive()
    expect(received.map(({ body }) => (typeof body === 'string' ? body : [...body]))).toEqual(
      bodies.map((body) => (typeof body === 'string' ? body : [...body])),
    )
  })

  it('wakes a receive that waits', async () => {
    const waiting = receive(1, 60_000)
    await open.transport.send([envelope()])
    expect(await waiting).toHaveLength(1)
  })
})
