/** A step that one settle releases starts without a check of its own, unless something was taken back meanwhile. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { chain, createBroker, silentLogger, type Broker } from '../../../src/index.ts'
import { systemClock } from '../../../src/core/clock.ts'
import type { Delivery } from '../../../src/core/delivery.ts'
import { readNodeId, type NodePlace } from '../../../src/core/node-id.ts'
import { systemRandom } from '../../../src/core/random.ts'
import type { Transport } from '../../../src/core/transport.ts'
import type { WorkflowStore } from '../../../src/core/workflow-store.ts'
import { redisTransport } from '../../../src/redis/index.ts'
import { startScript } from '../../../src/redis/scripts/workflow-scripts.ts'
import { describeOwnRedis, ownServers } from '../../support/describe-own-redis.ts'
import type { OwnRedis } from '../../support/own-redis.ts'

const around = { clock: systemClock, random: systemRandom, logger: silentLogger }
const { signal } = new AbortController()
const steps = 10
const asked = vi.spyOn(startScript, 'runBuffers')

interface Run {
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
  })
  afterEach(async () => {
    await transport.stop()
    await broker.stop()
  })

  const receive = async (): Promise<Delivery> => {
    const request = { queues: ['taskiq'], room: 1, lease: 30_000, signal }
    const [delivery] = await transport.receive(request)
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
  const settle = async (delivery: Delivery, verdict: 'ok' | 'failed'): Promise<void> => {
    const node = { ...placeOf(delivery), verdict, value: `"${verdict}"` } as const
    const outcome = { kind: 'succeeded' } as const
    expect(await transport.settle([{ claim: delivery, outcome, node }])).toEqual(['settled'])
  }
  it('starts at once where its settle and its claim agree', async () => {
    let delivery = await receive()
    expect(await check(delivery)).toEqual({ start: true, source: null })
    asked.mockClear()
    for (let source = 0; source < steps - 1; source++) {
      // Waits while the one before it runs, as a worker's does.
      const next = receive()
      await settle(delivery, 'ok')
      delivery = await next
      expect(await check(delivery)).toEqual({ start: true, source, input: '"ok"' })
    }
    // A machine that stops for 20 ms between claim and check has it asked: not each time.
    expect(asked.mock.calls.length).toBeLessThan(steps - 1)
    // Asked again, as after a lost answer: by the store now.
    asked.mockClear()
    expect(await check(delivery)).toMatchObject({ start: true, source: steps - 2 })
    expect(asked).toHaveBeenCalledTimes(1)
  })

  it('does not start when its run was cancelled between the two', async () => {
    const first = await receive()
    await check(first)
    await settle(first, 'ok')
    await handle.cancel('not wanted')
    const delivery = await receive()
    expect(delivery.cancelled).toBe('not wanted')
    expect(await check(delivery)).toMatchObject({ start: false })
  })

  it('is asked about where anything of any run was taken back between the two', async () => {
    const other = await elsewhere()
    const first = await receive()
    await check(first)
    await settle(first, 'ok')
    const before = takenBack()
    await other.cancel('not wanted')
    expect(takenBack()).toBeGreaterThan(before)
    const delivery = await receive()
    asked.mockClear()
    expect(await check(delivery)).toEqual({ start: true, source: 0, input: '"ok"' })
    expect(asked).toHaveBeenCalledTimes(1)
  })

  it('counts a failure and a resume as taking back, and no success', async () => {
    const first = await receive()
    await settle(first, 'ok')
    expect(takenBack()).toBe(0)
    await settle(await receive(), 'failed')
    const failed = takenBack()
    expect(failed).toBeGreaterThan(0)
    await handle.resume()
    expect(takenBack()).toBeGreaterThan(failed)
  })
})
