import { describe, expect, it } from 'vitest'
import type { Delivery } from '../../../src/core/delivery.ts'
import { silentLogger } from '../../../src/core/logger.ts'
import type { Envelope } from '../../../src/core/message.ts'
import { seededRandom } from '../../../src/core/random.ts'
import type { ReceiveRequest } from '../../../src/core/transport.ts'
import type { OpenTransport, TransportFactory } from '../../../src/core/vendor.ts'
import { memoryResultBackend, memoryTransport } from '../../../src/memory/index.ts'
import { ManualClock } from '../../../src/testing/manual-clock.ts'

const clock = new ManualClock()
const around = { clock, random: seededRandom(1), logger: silentLogger }
const succeeded = { kind: 'succeeded' } as const
let count = 0

async function open(factory: TransportFactory = memoryTransport()): Promise<OpenTransport> {
  const instance = factory.create(around)
  await instance.transport.start()
  await instance.results.start()
  return instance
}

function message(parts: Partial<Envelope> = {}): Envelope {
  return { id: `id-${++count}`, queue: 'queue', priority: 4, body: 'body', ...parts }
}

function request(parts: Partial<ReceiveRequest> = {}): ReceiveRequest {
  const { signal } = new AbortController()
  return { queues: ['queue'], room: 100, lease: 1_000, wait: 0, signal, ...parts }
}

async function take({ transport }: OpenTransport): Promise<Delivery> {
  const [delivery] = await transport.receive(request())
  if (delivery === undefined) throw new Error('nothing to receive')
  return delivery
}

describe('stores', () => {
  it('are private to a factory without a name, and shared by those of one name', async () => {
    const [a, b] = [await open(), await open()]
    await a.transport.send([message()])
    expect(await b.transport.receive(request())).toEqual([])
    expect(a.transport.store).not.toBe(b.transport.store)

    const [c, d] = [
      await open(memoryTransport({ store: 'shared' })),
      await open(memoryTransport({ store: 'shared' })),
    ]
    const sent = message()
    await c.transport.send([sent])
    expect((await take(d)).id).toBe(sent.id)
    expect(c.transport.store).toBe(d.transport.store)
    const other = await open(memoryTransport({ store: 'another' }))
    expect(other.transport.store).not.toBe(c.transport.store)
  })

  it('of one name are shared by a result backend, which is then fenced', async () => {
    const worker = await open(memoryTransport({ store: 'with results' }))
    const results = memoryResultBackend({ store: 'with results' }).create(around)
    await results.start()
    expect(results.store).toBe(worker.transport.store)
    await worker.transport.send([message()])
    const claim = await take(worker)
    expect(await results.saveProgress(claim, 'half', 1_000)).toBe(true)
    const result = { id: claim.id, body: 'done', expiresIn: 1_000 }
    await worker.transport.settle([{ claim, outcome: succeeded, result }])
    expect(await results.get([claim.id])).toEqual(['done'])
    expect(await results.saveProgress(claim, 'late', 1_000)).toBe(false)
    expect(await results.getProgress([claim.id])).toEqual(['half'])
  })

  it('of a result backend alone know no claims and fence nothing', async () => {
    const results = memoryResultBackend().create(around)
    await results.start()
    const claim = { id: 'elsewhere', queue: 'queue', token: 'of another transport' }
    expect(await results.saveProgress(claim, 'half', 1_000)).toBe(true)
    expect(await results.getProgress(['elsewhere'])).toEqual(['half'])
  })

  it('outlive their instances when they have a name', async () => {
    const factory = memoryTransport({ store: 'kept' })
    const first = await open(factory)
    const sent = message()
    await first.transport.send([sent])
    await first.transport.stop()
    await first.transport.start()
    expect((await take(first)).id).toBe(sent.id)
  })
})

describe('memoryTransport', () => {
  it('names itself and its results', async () => {
    const factory = memoryTransport()
    expect([factory.kind, factory.name]).toEqual(['transport', 'memory'])
    const { transport, results } = factory.create(around)
    expect([transport.name, results.name]).toEqual(['memory', 'memory'])
    const { kind, name } = memoryResultBackend()
    expect([kind, name]).toEqual(['results', 'memory'])
  })

  it.each([
    { priority: 10 },
    { priority: -1 },
    { priority: 1.5 },
    { delay: Number.NaN },
    { at: Infinity },
  ])('refuses %j and stores nothing of the batch', async (wrong) => {
    const instance = await open()
    const { transport } = instance
    const invalid = expect.objectContaining({ code: 'INVALID_INPUT' })
    await expect(transport.send([message(), message(wrong)])).rejects.toEqual(invalid)
    expect(await transport.receive(request())).toEqual([])
    await transport.send([message()])
    const claim = await take(instance)
    const followUps = [message(), message(wrong)]
    const settling = transport.settle([{ claim, outcome: succeeded, followUps }])
    await expect(settling).rejects.toEqual(invalid)
    expect(await transport.receive(request())).toEqual([])
  })

  it('refuses a retry without a time, and a receive without room', async () => {
    const instance = await open()
    const { transport } = instance
    await transport.send([message()])
    const claim = await take(instance)
    const outcome = { kind: 'retry', delay: Number.NaN, body: '' } as const
    const invalid = { code: 'INVALID_INPUT' }
    await expect(transport.settle([{ claim, outcome }])).rejects.toMatchObject(invalid)
    for (const room of [0, Number.NaN]) {
      await expect(transport.receive(request({ room }))).rejects.toMatchObject(invalid)
    }
  })

  it('lets a message take the place of itself in another queue', async () => {
    const instance = await open()
    const sent = message()
    await instance.transport.send([sent])
    const claim = await take(instance)
    const followUps = [{ ...sent, queue: 'forwarded' }]
    const settled = await instance.transport.settle([{ claim, outcome: succeeded, followUps }])
    expect(settled).toEqual(['settled'])
    const [forwarded] = await instance.transport.receive(request({ queues: ['forwarded'] }))
    expect(forwarded?.id).toBe(sent.id)
  })

  it('takes back an ended lease when its message is cancelled', async () => {
    const [a, b] = await both()
    await a.transport.send([message()])
    const late = await take(a)
    await clock.advance(1_000)
    const [answer] = await b.transport.cancel([late.id], { reason: 'why', lease: 1_000 })
    expect(answer).toMatchObject({ state: 'waiting', delivery: { redeliveries: 1 } })
    expect(await a.transport.settle([{ claim: late, outcome: succeeded }])).toEqual(['taken'])
  })

  it('keeps the first reason of several cancellations', async () => {
    const instance = await open()
    await instance.transport.send([message()])
    const { id } = await take(instance)
    for (const reason of ['first', 'second']) {
      await instance.transport.cancel([id], { reason, lease: 1_000 })
    }
    const [found] = await instance.transport.recover([], 1_000)
    expect(found?.cancelled).toBe('first')
  })

  it('counts redeliveries anew after a retry', async () => {
    const instance = await open()
    await instance.transport.send([message()])
    await take(instance)
    await clock.advance(1_000)
    const claim = await take(instance)
    const outcome = { kind: 'retry', delay: 0, body: 'again' } as const
    await instance.transport.settle([{ claim, outcome }])
    expect((await take(instance)).redeliveries).toBe(0)
  })

  it('sets no timer while nothing waits', async () => {
    const before = clock.pending
    const { transport } = await open()
    await transport.send([message(), message({ delay: 5_000 })])
    await transport.receive(request())
    expect(clock.pending).toBe(before)
    const stop = new AbortController()
    const waiting = transport.receive(request({ wait: 9_000, signal: stop.signal }))
    expect(clock.pending).toBe(before + 2)
    stop.abort()
    await waiting
    expect(clock.pending).toBe(before)
  })

  it('hands scheduled messages to an early receive that waits', async () => {
    const { transport } = await open()
    const waiting = transport.receive(request({ wait: undefined, early: true }))
    const sent = message({ delay: 60_000 })
    await transport.send([sent])
    expect((await waiting).map(({ id }) => id)).toEqual([sent.id])
  })
})

describe('leases that are kept', () => {
  function keep({ transport }: OpenTransport) {
    const told: unknown[] = []
    const keeper = transport.keepLeases({
      lease: 1_000,
      every: 300,
      stallLimit: 10_000,
      onLost: (claims) => told.push(...claims.map(({ id }) => `lost ${id}`)),
      onCancelled: ({ id }, reason) => told.push(`cancelled ${id}: ${reason}`),
      onError: (error) => told.push(error),
    })
    return { keeper, told }
  }

  it('are told of a cancellation without waiting for a beat', async () => {
    const [a, b] = await both()
    await a.transport.send([message()])
    const claim = await take(a)
    const { keeper, told } = keep(a)
    keeper.keep([claim])
    await b.transport.cancel([claim.id], { reason: 'why', lease: 1_000 })
    expect(told).toEqual([`cancelled ${claim.id}: why`])
    await clock.advance(900)
    expect(told.length).toBe(1)
  })

  it('are told of a cancellation that came before they were kept', async () => {
    const [a, b] = await both()
    await a.transport.send([message()])
    const claim = await take(a)
    await b.transport.cancel([claim.id], { reason: 'why', lease: 1_000 })
    const { keeper, told } = keep(a)
    keeper.keep([claim])
    await Promise.resolve()
    expect(told).toEqual([`cancelled ${claim.id}: why`])
    await keeper.stop()
  })

  it('are not kept any more when the transport stops', async () => {
    const [a, b] = await both()
    const sent = message()
    await a.transport.send([sent])
    const { keeper, told } = keep(a)
    keeper.keep([await take(a)])
    await a.transport.stop()
    await clock.advance(1_000)
    expect((await take(b)).id).toBe(sent.id)
    expect(told).toEqual([])
  })
})

describe('the inspector', () => {
  it('touches no lease, and begins anew behind an id that has gone', async () => {
    const instance = await open()
    const { transport, inspector } = instance
    const sent = [message(), message(), message()]
    await transport.send(sent)
    const claim = await take(instance)
    await clock.advance(5_000)
    const [first] = (await inspector?.queues()) ?? []
    expect(first).toMatchObject({ queue: 'queue', running: 3 })
    expect(await transport.settle([{ claim, outcome: succeeded }])).toEqual(['settled'])
    const page = await inspector?.peek('queue', { limit: 1, after: claim.id })
    expect(page?.map(({ id }) => id)).toEqual([sent[1]?.id])
  })

  it('gives copies of bytes', async () => {
    const instance = await open()
    await instance.transport.send([message({ body: Uint8Array.of(1) })])
    const [seen] = (await instance.inspector?.peek('queue', { limit: 1 })) ?? []
    if (seen?.body instanceof Uint8Array) seen.body[0] = 9
    const claim = await take(instance)
    expect(claim.body).toEqual(Uint8Array.of(1))
    const outcome = { kind: 'setAside', reason: 'poison', detail: '' } as const
    await instance.transport.settle([{ claim, outcome }])
    const letter = await instance.inspector?.deadLetter(claim.id)
    if (letter?.body instanceof Uint8Array) letter.body[0] = 9
    expect((await instance.inspector?.deadLetter(claim.id))?.body).toEqual(Uint8Array.of(1))
  })
})

async function both(): Promise<[OpenTransport, OpenTransport]> {
  const factory = memoryTransport()
  return [await open(factory), await open(factory)]
}
