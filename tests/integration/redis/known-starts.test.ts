/** A step starts without a check of its own unless something was taken back since its release; a settle claims the step that it releases. */
import { afterEach, beforeEach, expect, it } from 'vitest'
import { chain, createBroker, group, silentLogger, type Broker } from '../../../src/index.ts'
import { systemClock } from '../../../src/core/clock.ts'
import type { Delivery } from '../../../src/core/delivery.ts'
import { readNodeId, type NodePlace } from '../../../src/core/node-id.ts'
import { systemRandom } from '../../../src/core/random.ts'
import type { Transport } from '../../../src/core/transport.ts'
import type { WorkflowStore } from '../../../src/core/workflow-store.ts'
import { redisTransport } from '../../../src/redis/index.ts'
import { describeOwnRedis, ownServers } from '../../support/describe-own-redis.ts'
import type { OwnRedis } from '../../support/own-redis.ts'

const around = { clock: systemClock, random: systemRandom, logger: silentLogger }
const { signal } = new AbortController()
const steps = 10

interface Run {
  status(): Promise<unknown>
  cancel(reason?: string): Promise<unknown>
  resume(): Promise<unknown>
}

describeOwnRedis('a step of a chain', () => {
  const server = ownServers()
  let redis: OwnRedis
  let broker: Broker
  let transport: Transport
  let workflows: WorkflowStore
  let handle: Run
  let elsewhere: () => Promise<Run>
  let sendPair: () => Promise<Run>
  let urgent: () => Promise<unknown>

  beforeEach(async () => {
    redis = await server()
    broker = createBroker({ transport: redisTransport({ url: redis.url }), logger: silentLogger })
    const step = broker.task('step', async (n: number) => n + 1)
    const vendor = redisTransport({ url: redis.url }).create(around)
    transport = vendor.transport
    if (vendor.workflows === undefined) throw new Error('Redis has a workflow store')
    workflows = vendor.workflows
    await transport.start()
    handle = await chain.from(Array.from({ length: steps }, () => step.s())).kiq(1)
    const away = step.s(1).set({ queue: 'elsewhere' })
    elsewhere = () => chain(away, step.s()).kiq()
    const paired = step.si(1).set({ queue: 'pair' })
    sendPair = () =>
      group([chain(paired, paired), paired])
        .failFast()
        .kiq()
    urgent = () => step.kicker().withPriority('high').kiq(1)
  })
  afterEach(async () => {
    await transport.stop()
    await broker.stop()
  })

  const queues = ['taskiq']
  const receive = async (of = queues): Promise<Delivery> => {
    const [delivery] = await transport.receive({ queues: of, room: 1, lease: 30_000, signal })
    if (delivery === undefined) throw new Error('nothing came')
    return delivery
  }
  const takenBack = (): number => Number(redis.cli('GET', 'tw:wf:back'))
  const placeOf = ({ id }: Delivery): NodePlace => {
    const place = readNodeId(id)
    if (place === undefined) throw new Error(`${id} is no step`)
    return place
  }
  const check = async (delivery: Delivery): Promise<unknown> =>
    (await workflows.check([placeOf(delivery)]))[0]
  const ended = (delivery: Delivery, verdict: 'ok' | 'failed' = 'ok', value = `"${verdict}"`) => {
    const node = { ...placeOf(delivery), verdict, value } as const
    return { claim: delivery, outcome: { kind: 'succeeded' } as const, node }
  }
  const settle = async (...of: Parameters<typeof ended>): Promise<void> =>
    expect(await transport.settle([ended(...of)])).toEqual(['settled'])
  const settleAndReceive = async (
    delivery: Delivery,
    { of = queues, room = 1 } = {},
  ): Promise<readonly Delivery[]> => {
    if (transport.settleAndReceive === undefined) throw new Error('it can')
    const request = { queues: of, room, lease: 30_000 }
    const { statuses, next } = await transport.settleAndReceive([ended(delivery)], request)
    expect(statuses).toEqual(['settled'])
    return next
  }
  /** The first of a chain as a reader of steps has it: its reads ask for the take-back count. */
  const first = async (): Promise<Delivery> => {
    await receive()
    await elsewhere()
    await receive(['elsewhere'])
    return (await transport.recover([], 30_000)).find(({ queue }) => queue === 'taskiq')!
  }

  it('knows that it may start, and its input, where its release and its claim agree', async () => {
    let delivery = await receive()
    expect(await check(delivery)).toEqual({ start: true, source: null })
    for (let source = 0; source < steps - 1; source++) {
      // Waits while the one before it runs, as a worker's does: a look, which comes now and then, knows nothing.
      const next = receive()
      await settle(delivery, 'ok')
      delivery = await next
      const answer = { start: true, source, input: '"ok"' }
      expect([undefined, answer]).toContainEqual(delivery.start?.answer)
      expect(await check(delivery)).toEqual(answer)
    }
    expect(delivery.start).toBeDefined()
  })

  it.each([
    ['a long input', `"${'x'.repeat(2000)}"`],
    ['an input that is no text', Uint8Array.of(0x80, 1)],
  ])('is asked about for %s', async (_, value) => {
    const delivery = await first()
    const next = receive()
    const node = { ...placeOf(delivery), verdict: 'ok', value } as const
    await transport.settle([{ claim: delivery, outcome: { kind: 'succeeded' }, node }])
    const found = await next
    expect(found.start).toBeUndefined()
    expect(await check(found)).toEqual({ start: true, source: 0, input: value })
  })

  it('does not start when its run was cancelled between the two', async () => {
    const delivery = await first()
    await settle(delivery)
    await handle.cancel('not wanted')
    const next = await receive()
    expect(next.cancelled).toBe('not wanted')
    expect(await check(next)).toMatchObject({ start: false })
  })

  it('is asked about where anything of any run was taken back between the two', async () => {
    const other = await elsewhere()
    const delivery = await first()
    await settle(delivery)
    const before = takenBack()
    await other.cancel('not wanted')
    expect(takenBack()).toBeGreaterThan(before)
    const next = await receive()
    expect(next.start).toBeUndefined()
    expect(await check(next)).toEqual({ start: true, source: 0, input: '"ok"' })
  })

  it('is asked about where the settle that released it took it back again', async () => {
    await sendPair()
    const pair = await sendPair()
    const of = ['pair']
    const [, another, one, other] = [
      await receive(of),
      await receive(of),
      await receive(of),
      await receive(of),
    ]
    // One run fails; of another a step is released, and then it fails as well: all in one script.
    const all = [ended(another, 'failed'), ended(one), ended(other, 'failed')]
    expect(await transport.settle(all)).toEqual(['settled', 'settled', 'settled'])
    const next = await receive(of)
    expect(next.start).toBeUndefined()
    expect(await check(next)).toMatchObject({ start: false })
    expect(await pair.status()).toBe('failed')
  })

  it('counts a failure and a resume as taking back, and no success', async () => {
    const delivery = await receive()
    await settle(delivery)
    expect(takenBack()).toBe(0)
    await settle(await receive(), 'failed')
    const failed = takenBack()
    expect(failed).toBeGreaterThan(0)
    await handle.resume()
    expect(takenBack()).toBeGreaterThan(failed)
  })

  it('is claimed by the settle that releases it, and may start', async () => {
    let delivery = await receive()
    for (let source = 0; source < steps - 1; source++) {
      const [next] = await settleAndReceive(delivery)
      if (next === undefined) throw new Error('nothing was claimed')
      expect(next.start?.answer).toEqual({ start: true, source, input: '"ok"' })
      delivery = next
    }
    expect(await settleAndReceive(delivery)).toEqual([])
    expect(await handle.status()).toBe('succeeded')
  })

  it.each([
    ['cancels are noted', async () => void redis.cli('HSET', 'tw:cancel', 'x', 'y')],
    ['messages of another priority are known', async () => void (await urgent(), await receive())],
  ])('is not claimed by its settle where %s', async (_, arrange) => {
    const delivery = await receive()
    await arrange()
    expect(await settleAndReceive(delivery)).toEqual([])
    expect(placeOf(await receive()).ord).toBe(1)
  })

  it('is claimed by its settle among several queues only while nothing waits in any of them', async () => {
    const both = ['taskiq', 'others']
    let delivery = await receive(both)
    // The last request found something at once: others may wait as well.
    expect(await settleAndReceive(delivery, { of: both })).toEqual([])
    delivery = await receive(both)
    const waits = receive(both)
    await settle(delivery)
    delivery = await waits
    const claimed = await settleAndReceive(delivery, { of: both })
    expect(claimed).toHaveLength(1)
    expect(await settleAndReceive(claimed[0]!, { of: both, room: 100 })).toEqual([])
  })
})
