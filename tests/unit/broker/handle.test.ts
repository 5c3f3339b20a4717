import { afterEach, describe, expect, it, vi } from 'vitest'
import { createBroker } from '../../../src/broker/create-broker.ts'
import { gather } from '../../../src/broker/gather.ts'
import type { BrokerOptions } from '../../../src/broker/broker-options.ts'
import { runtimeOf } from '../../../src/broker/runtime.ts'
import { silentLogger } from '../../../src/core/logger.ts'
import type { ResultRecord } from '../../../src/core/result.ts'
import type { StandardSchemaV1 } from '@standard-schema/spec'
import { ManualClock } from '../../../src/testing/manual-clock.ts'
import { altered, deferred, thrownBy } from './stage.ts'

const open: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of open.splice(0)) await close()
})

function stage(options: Partial<BrokerOptions> = {}) {
  const clock = new ManualClock()
  const broker = createBroker({ transport: 'memory:', logger: silentLogger, clock, ...options })
  open.push(() => broker.stop())
  const runtime = runtimeOf(broker)
  const store = async (id: string, record: Partial<ResultRecord>) => {
    const full = { status: 'succeeded', value: 1, executionTime: 2, labels: {}, error: null }
    const body = runtime.resultCodec.encodeResult({ ...full, ...record } as ResultRecord)
    await runtime.start()
    await runtime.results.save([{ id, body, expiresIn: 60_000 }])
  }
  return { broker, clock, runtime, store }
}

describe('a handle', () => {
  it('gives value and whole outcome', async () => {
    const { broker, store } = stage()
    await store('a', { value: { n: 1 }, labels: { tenant: 'x' } })
    const handle = broker.handle('a')
    expect(await handle.result()).toEqual({ n: 1 })
    expect(await handle.waitResult()).toEqual({
      status: 'succeeded',
      isErr: false,
      returnValue: { n: 1 },
      error: null,
      executionTime: 2,
      labels: { tenant: 'x' },
    })
    const error = { name: 'E', message: 'm' }
    await store('b', { status: 'failed', value: null, error })
    const outcome = await broker.handle('b').waitResult()
    expect(outcome).toMatchObject({ status: 'failed', isErr: true, returnValue: null })
    expect(outcome.error).toMatchObject({ code: 'TASK_FAILED' })
    await expect(broker.handle('b').result()).rejects.toThrow('E: m')
  })

  it('parses the value of a remote task by its output', async () => {
    const { broker, store } = stage()
    const schema = (validate: StandardSchemaV1<unknown, unknown>['~standard']['validate']) => ({
      '~standard': { version: 1, vendor: 'test', validate } as const,
    })
    const input = schema((value) => ({ value }))
    const output = schema((value) =>
      value === 1 ? { value: 'one' } : { issues: [{ message: 'not one' }] },
    )
    const remote = broker.remoteTask({ name: 'far', input, output })
    const handle = await remote.kiq({})
    await store(handle.taskId, { value: 1 })
    expect(await handle.result()).toBe('one')
    expect(await handle.waitResult()).toMatchObject({ returnValue: 'one' })
    const other = await remote.kiq({})
    await store(other.taskId, { value: 2 })
    await expect(other.result()).rejects.toThrow(/does not fit its schema: not one/)
  })

  it('waits no longer than it was told', async () => {
    const { broker, clock, store } = stage()
    const handle = broker.handle('a')
    const waiting = thrownBy(handle.result({ timeout: '5s' }))
    await clock.advance(5000)
    expect(await waiting).toMatchObject({
      code: 'RESULT_TIMEOUT',
      message: expect.stringMatching(/no result of task a within 5s/),
    })
    await expect(handle.result({ timeout: -1 })).rejects.toMatchObject({ code: 'INVALID_INPUT' })
    const none = thrownBy(handle.result({ timeout: 0 }))
    await clock.advance(0)
    expect(await none).toMatchObject({ code: 'RESULT_TIMEOUT' })
    await store('a', { value: 3 })
    expect(await handle.result({ timeout: 0 })).toBe(3)
    expect(clock.pending).toBe(0)
  })

  it('does not wait longer for a store that does not open', async () => {
    const gate = deferred()
    const { broker, clock } = stage({ transport: altered(() => ({ start: () => gate.promise })) })
    const waiting = thrownBy(broker.handle('a').result({ timeout: 10 }))
    await clock.advance(10)
    expect(await waiting).toMatchObject({ code: 'RESULT_TIMEOUT' })
    gate.resolve()
  })

  it('stops waiting by a signal, with its reason, and leaves no listener on it', async () => {
    const { broker, store } = stage()
    const controller = new AbortController()
    const added = vi.spyOn(controller.signal, 'addEventListener')
    const removed = vi.spyOn(controller.signal, 'removeEventListener')
    const waits = Array.from({ length: 50 }, (_, i) =>
      thrownBy(broker.handle(`a${i}`).result({ signal: controller.signal })),
    )
    await store('b', {})
    expect(await broker.handle('b').result({ signal: controller.signal })).toBe(1)
    expect(added).toHaveBeenCalledTimes(1)
    const reason = new Error('enough')
    controller.abort(reason)
    expect(new Set(await Promise.all(waits))).toEqual(new Set([reason]))
    expect(removed).toHaveBeenCalledTimes(1)
    await expect(broker.handle('c').result({ signal: controller.signal })).rejects.toBe(reason)
  })

  it('tells status and progress', async () => {
    const { broker, runtime, store } = stage()
    const task = broker.task('t', async () => {})
    expect(await broker.handle('none').status()).toBeNull()
    expect(await broker.handle('none').progress()).toBeNull()
    const handle = await task.kicker().withDelay('1h').kiq()
    expect(await handle.status()).toBe('scheduled')
    await store('done', { status: 'cancelled' })
    expect(await broker.handle('done').status()).toBe('cancelled')
    expect(runtime.inspector).toBeDefined()
  })

  it('tells the status from results alone where nothing can be inspected', async () => {
    const inner = altered(() => ({}))
    const { broker, store } = stage({
      transport: {
        ...inner,
        create: (surroundings) => ({ ...inner.create(surroundings), inspector: undefined }),
      },
    })
    await store('a', {})
    expect(await broker.handle('a').status()).toBe('succeeded')
    expect(() => broker.inspector).toThrow(/cannot be inspected/)
  })

  it('cancels, and says when there is nothing to cancel', async () => {
    const { broker } = stage()
    const handle = await broker.task('t', async () => {}).kiq()
    expect(await handle.cancel()).toBe(true)
    expect(await handle.cancel()).toBe(false)
    await expect(handle.result()).rejects.toMatchObject({ reason: 'cancelled by the caller' })
    const blind = stage({ transport: altered(() => ({ cancel: async () => [] })) })
    expect(await blind.broker.handle('x').cancel()).toBe(false)
  })
})

describe('a task that keeps no results', () => {
  it('refuses to wait for one', async () => {
    const { broker } = stage()
    const task = broker.task({ name: 't', result: false }, async () => {})
    const handle = await task.kiq()
    for (const wait of [handle.result(), handle.waitResult({ timeout: 1 })])
      expect(await thrownBy(wait)).toMatchObject({
        code: 'UNSUPPORTED',
        message: expect.stringMatching(/task 't' keeps no results/),
      })
    expect(await handle.status()).toBe('queued')
    expect(await handle.cancel()).toBe(true)
  })

  it('is one whose broker keeps none, unless it says so itself', async () => {
    const { broker, store, clock } = stage({ resultExpiresIn: false })
    const none = await broker.task('none', async () => {}).kiq()
    await expect(none.result()).rejects.toMatchObject({ code: 'UNSUPPORTED' })
    const own = await broker.task({ name: 'own', result: { expiresIn: '1h' } }, async () => 1).kiq()
    await store(own.taskId, { value: 5 })
    expect(await own.result()).toBe(5)
    // What a worker elsewhere keeps is not known here.
    const far = await broker.remoteTask<[], number>('far').kiq()
    const waiting = thrownBy(far.result({ timeout: 5 }))
    await clock.advance(5)
    expect(await waiting).toMatchObject({ code: 'RESULT_TIMEOUT' })
  })
})

describe('gather', () => {
  it('gives values in order, of handles and of promises of them', async () => {
    const { broker, store } = stage()
    await store('a', { value: 1 })
    await store('b', { value: 2 })
    const promised = Promise.resolve(broker.handle<number>('b'))
    expect(await gather([broker.handle<number>('a'), promised])).toEqual([1, 2])
    expect(await gather([])).toEqual([])
  })

  it('waits for all and never rejects, where it is asked for how each ended', async () => {
    const { broker, store } = stage()
    await store('good', { value: 1 })
    await store('bad', { status: 'failed', error: { name: 'E', message: 'm' } })
    const handles = [
      broker.handle<number>('bad'),
      broker.handle<number>('good'),
      Promise.reject<never>(new Error('was not sent')),
    ] as const
    const [bad, good, unsent] = await gather(handles, { settled: true })
    expect(bad).toMatchObject({
      status: 'rejected',
      reason: { message: expect.stringContaining('E: m') },
    })
    expect(good).toEqual({ status: 'fulfilled', value: 1 })
    expect(unsent).toMatchObject({ status: 'rejected', reason: { message: 'was not sent' } })
    expect(await gather([], { settled: true })).toEqual([])
  })

  it('waits for nobody any more after the first failure', async () => {
    const { broker, store, clock } = stage()
    await store('bad', { status: 'failed', error: { name: 'E', message: 'm' } })
    const caller = new AbortController()
    for (const options of [undefined, { signal: caller.signal }]) {
      const all = gather([broker.handle('never'), broker.handle('bad')], options)
      await expect(all).rejects.toThrow('E: m')
      await Promise.resolve()
      expect(clock.pending).toBe(0)
    }
    const waiting = thrownBy(gather([broker.handle('never')], { signal: caller.signal }))
    caller.abort(new Error('enough'))
    expect(await waiting).toMatchObject({ message: 'enough' })
  })
})
