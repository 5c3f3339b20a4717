import { afterEach, beforeEach, expect, it } from 'vitest'
import { systemClock } from '../../../src/core/clock.ts'
import type { Delivery } from '../../../src/core/delivery.ts'
import { timeOrderedIds } from '../../../src/core/ids.ts'
import { silentLogger } from '../../../src/core/logger.ts'
import { systemRandom } from '../../../src/core/random.ts'
import type { LeaseKeeperOptions, Transport } from '../../../src/core/transport.ts'
import { redisTransport } from '../../../src/redis/index.ts'
import { describeRedis, useRedis } from '../../support/redis.ts'

const around = { clock: systemClock, random: systemRandom, logger: silentLogger }
const newId = timeOrderedIds(systemClock, systemRandom)
const lease = 600
const leases = / name=taskwright:\S+:leases /
const quiet: LeaseKeeperOptions = {
  lease,
  every: 150,
  stallLimit: 300,
  onLost: () => {},
  onCancelled: () => {},
  onError: () => {},
}

describeRedis('leases kept by the thread', () => {
  const redis = useRedis()
  let prefix: string
  let transport: Transport

  beforeEach(async () => {
    prefix = `${redis.prefix}${systemRandom.hex(4)}:`
    transport = redisTransport({ url: redis.url, prefix }).create(around).transport
    await transport.start()
  })
  afterEach(() => transport.stop())

  async function hold(): Promise<readonly Delivery[]> {
    await transport.send([{ id: newId(), queue: 'queue', priority: 4, body: 'body' }])
    const { signal } = new AbortController()
    return transport.receive({ queues: ['queue'], room: 1, lease, signal, wait: 1000 })
  }

  /** Milliseconds since the one claim was renewed. */
  async function idle(): Promise<number> {
    const pending = await redis.client.xpending(`${prefix}queue`, 'taskiq', '-', '+', 10)
    return Number((pending as [string, string, number, number][])[0]?.[2])
  }

  /** Whether the thread has its connection. */
  async function connected(): Promise<boolean> {
    const list = String(await redis.client.client('LIST'))
    return list.split('\n').some((line) => line.includes(`:${process.pid}:`) && leases.test(line))
  }

  it('are renewed while the loop is blocked, but not beyond the stall limit', async () => {
    const held = await hold()
    const patient = transport.keepLeases({ ...quiet, stallLimit: 60_000 })
    patient.keep(held)
    while (!(await connected())) await systemTurn()
    block(2000)
    expect(await idle()).toBeLessThan(lease)
    await patient.stop()
    const strict = transport.keepLeases(quiet)
    strict.keep(held)
    while (!(await connected())) await systemTurn()
    block(2000)
    expect(await idle()).toBeGreaterThan(lease)
    // The loop turns again: what nobody took meanwhile is renewed.
    while ((await idle()) > lease) await systemTurn()
    await strict.stop()
  })

  it('are renewed by the loop while there is no thread, and told of once', async () => {
    const held = await hold()
    const cancelled: string[] = []
    const keeper = transport.keepLeases({
      ...quiet,
      onCancelled: (claim, reason) => cancelled.push(`${claim.id} ${reason}`),
    })
    keeper.keep(held)
    const id = held[0]?.id ?? ''
    const [answer] = await transport.cancel([id], { reason: 'enough', lease })
    expect(answer?.state).toBe('running')
    while (cancelled.length === 0) await systemTurn()
    while (!(await connected())) await systemTurn()
    block(400)
    expect(cancelled).toEqual([`${id} enough`])
    await keeper.stop()
  })

  it('are forgotten one by one', async () => {
    const [first] = await hold()
    const [second] = await hold()
    if (first === undefined || second === undefined) throw new Error('nothing was received')
    const keeper = transport.keepLeases({ ...quiet, stallLimit: 60_000 })
    keeper.keep([first, second])
    while (!(await connected())) await systemTurn()
    keeper.forget([first])
    block(1500)
    const { lost } = await transport.extend([second], lease)
    expect(lost).toEqual([])
    const { signal } = new AbortController()
    const again = await transport.receive({ queues: ['queue'], room: 5, lease, signal, wait: 0 })
    expect(again.map(({ id }) => id)).toEqual([first.id])
    await keeper.stop()
  })
})

/** The event loop does nothing. */
function block(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}

function systemTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
