/** Between looks the streams are read by a plain command: what a look would find must not wait for long. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { WakefulWait } from '../../../src/connections/redis/wakeful-wait.ts'
import { sleep, systemClock } from '../../../src/core/clock.ts'
import type { Delivery } from '../../../src/core/delivery.ts'
import { timeOrderedIds } from '../../../src/core/ids.ts'
import { silentLogger } from '../../../src/core/logger.ts'
import type { Envelope } from '../../../src/core/message.ts'
import { systemRandom } from '../../../src/core/random.ts'
import type { Transport } from '../../../src/core/transport.ts'
import { redisTransport } from '../../../src/redis/index.ts'
import { describeRedis, useRedis } from '../../support/redis.ts'

const around = { clock: systemClock, random: systemRandom, logger: silentLogger }
const newId = timeOrderedIds(systemClock, systemRandom)
const queues = ['queue']
/** Long enough that no look for ended leases comes by chance. */
const lease = 12_000
const { signal } = new AbortController()

function message(more: Partial<Envelope> = {}): Envelope {
  return { id: newId(), fresh: true, queue: 'queue', priority: 4, body: 'body', ...more }
}

describeRedis('plain reads', () => {
  const redis = useRedis()
  let prefix: string
  let opened: Transport[]

  beforeEach(() => {
    prefix = `${redis.prefix}${systemRandom.hex(4)}:`
    opened = []
  })

  afterEach(async () => {
    await Promise.all(opened.map((transport) => transport.stop()))
  })

  async function open(): Promise<Transport> {
    const { transport } = redisTransport({ url: redis.url, prefix }).create(around)
    opened.push(transport)
    await transport.start()
    return transport
  }

  const take = async (from: Transport, wait = 5000): Promise<Delivery> => {
    const [delivery] = await from.receive({ queues, room: 1, suspects: 1, lease, signal, wait })
    if (delivery === undefined) throw new Error('nothing was received')
    return delivery
  }
  const end = (from: Transport, claim: Delivery): Promise<unknown> =>
    from.settle([{ claim, outcome: { kind: 'succeeded' } }])

  /** A worker that has found its queue plain, with a backlog that it goes on with. */
  async function busy(backlog: number): Promise<Transport> {
    const worker = await open()
    await worker.send(Array.from({ length: backlog }, () => message()))
    for (let i = 0; i < 3; i++) await end(worker, await take(worker))
    return worker
  }

  /** Runs the backlog until it comes to a message; how many came before it. */
  async function until(worker: Transport, is: (delivery: Delivery) => boolean): Promise<number> {
    for (let before = 0; ; before++) {
      const delivery = await take(worker)
      await end(worker, delivery)
      if (is(delivery)) return before
    }
  }

  it('are awaited awake for one message of a backlog, and with sleep for several or where nothing is left', async () => {
    const begun = vi.spyOn(WakefulWait.prototype, 'begin')
    try {
      const worker = await busy(8)
      begun.mockClear()
      await end(worker, await take(worker))
      expect(begun).toHaveBeenCalledTimes(1)
      const several = await worker.receive({
        queues,
        room: 2,
        suspects: 1,
        lease,
        signal,
        wait: 5000,
      })
      expect(several).toHaveLength(2)
      for (const claim of several) await end(worker, claim)
      expect(begun).toHaveBeenCalledTimes(1)
      for (let left = 2; left > 0; left--) await end(worker, await take(worker))
      // The one that finds that nothing is left; from then on a read blocks.
      expect(
        await worker.receive({ queues, room: 1, suspects: 1, lease, signal, wait: 50 }),
      ).toEqual([])
      begun.mockClear()
      expect(
        await worker.receive({ queues, room: 1, suspects: 1, lease, signal, wait: 50 }),
      ).toEqual([])
      expect(begun).not.toHaveBeenCalled()
    } finally {
      begun.mockRestore()
    }
  })

  it('give most of the room to the queue that is busy, and never more than there is', async () => {
    const worker = await open()
    const both = ['queue', 'idle']
    const room = 20
    const receive = () =>
      worker.receive({ queues: both, room, suspects: 1, lease, signal, wait: 5000 })
    const idle = message({ queue: 'idle' })
    await worker.send(Array.from({ length: 400 }, () => message()))
    const sizes: number[] = []
    let sent = false
    for (let met = false; !met;) {
      const got = await receive()
      sizes.push(got.length)
      met = got.some(({ id }) => id === idle.id)
      await worker.settle(got.map((claim) => ({ claim, outcome: { kind: 'succeeded' } as const })))
      if (!sent && sizes.length === 6) {
        await worker.send([idle])
        sent = true
      }
    }
    expect(Math.max(...sizes)).toBeLessThanOrEqual(room)
    // Equal parts would be ten each; the quiet queue keeps two.
    expect(sizes.filter((size) => size === 18).length).toBeGreaterThanOrEqual(1)
    // And is not forgotten: its message comes while there is a backlog in the other.
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(401)
  })

  it('give way to a priority that was never used before', async () => {
    const worker = await busy(5000)
    const urgent = message({ priority: 9 })
    await (await open()).send([urgent])
    expect(await until(worker, ({ id }) => id === urgent.id)).toBeLessThan(500)
  })

  it('give way to what becomes due', async () => {
    const worker = await busy(3000)
    const later = message({ delay: 200 })
    await worker.send([later])
    const at = systemClock.monotonic()
    // It is put behind what waits already; so the backlog must end before it is seen.
    await until(worker, ({ id }) => id === later.id)
    expect(systemClock.monotonic() - at).toBeGreaterThanOrEqual(195)
  })

  it('give way to what was given back', async () => {
    const worker = await busy(5000)
    const other = await open()
    const held = await take(other)
    await other.release([held])
    expect(await until(worker, ({ id }) => id === held.id)).toBeLessThan(500)
  })

  it('are told of by a cancel: what was cancelled is handed out with the mark or not at all', async () => {
    const worker = await busy(10)
    const doomed = message()
    await worker.send([doomed])
    const [answer] = await (await open()).cancel([doomed.id], { reason: 'no more', lease })
    expect(answer?.state).toBe('waiting')
    for (let i = 3; i < 10; i++) expect((await take(worker)).id).not.toBe(doomed.id)
    expect(await worker.receive({ queues, room: 1, lease, signal, wait: 100 })).toEqual([])
  })

  it('find a lease that has ended while there is enough to do', async () => {
    const worker = await busy(20_000)
    const other = await open()
    const [lost] = await other.receive({ queues, room: 1, lease: 300, signal, wait: 1000 })
    await sleep(systemClock, 300)
    let found: Delivery | undefined
    await until(worker, (delivery) => {
      if (delivery.id === lost?.id) found = delivery
      return found !== undefined
    })
    expect(found?.redeliveries).toBe(1)
  })

  it('make a group that was deleted anew', async () => {
    const worker = await busy(10)
    await redis.client.xgroup('DESTROY', `${prefix}queue`, 'taskiq')
    const sent = message()
    await worker.send([sent])
    await until(worker, ({ id }) => id === sent.id)
  })

  it('see that a plain end of a claim which was taken says so', async () => {
    const worker = await busy(4)
    const claim = await take(worker)
    await worker.release([claim])
    const again = await take(await open())
    expect(again.redeliveries).toBe(0)
    const outcome = { kind: 'succeeded' } as const
    expect(await worker.settle([{ claim, outcome }])).toEqual(['taken'])
    expect(await opened[1]?.settle([{ claim: again, outcome }])).toEqual(['settled'])
    expect(await worker.settle([{ claim, outcome }])).toEqual(['gone'])
  })
})
