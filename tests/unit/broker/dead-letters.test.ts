/** Searching, mending and trimming what will not run again by itself. */
import { describe, expect, it } from 'vitest'
import type { DeadFilter } from '../../../src/broker/dead-letters.ts'
import type { BrokerOptions } from '../../../src/broker/broker-options.ts'
import type { Worker } from '../../../src/worker/worker.ts'
import { memoryTransport } from '../../../src/memory/memory-transport.ts'
import type { Sendable } from '../../../src/broker/task.ts'
import { thrownBy } from './stage.ts'
import { stage, type Stage } from '../worker/stage.ts'

interface Graveyard extends Stage {
  readonly made: Worker
  readonly task: Sendable<[what: string], string>
  readonly find: (filter?: DeadFilter) => Promise<string[]>
}

/** A worker whose task fails for what begins with `bad`. */
async function graveyard(options: Partial<BrokerOptions> = {}): Promise<Graveyard> {
  const set = stage(undefined, options)
  const task = set.broker.task('t', async (what: string) => {
    if (what.startsWith('bad')) throw new TypeError(`${what} it is`)
    return what
  })
  const made = await set.work({ queues: ['default', 'other'] })
  return {
    ...set,
    made,
    task,
    async find(filter) {
      const found: string[] = []
      for await (const { id } of set.broker.deadLetters.search(filter)) found.push(id)
      return found
    },
  }
}

async function bury({ task, clock }: Graveyard): Promise<void> {
  await (await task.kicker().withTaskId('a').withLabels({ tenant: 1 }).kiq('bad a')).waitResult()
  await clock.advance(1000)
  await (await task.kicker().withTaskId('b').withQueue('other').kiq('bad b')).waitResult()
  await clock.advance(1000)
}

describe('dead letters', () => {
  it('are found by queue, task, reason, label, error and time', async () => {
    const set = await graveyard()
    const start = set.clock.now()
    await bury(set)
    await set.runtime.transport.send([{ id: 'c', queue: 'default', priority: 4, body: '{' }])
    await set.broker.handle('c').waitResult()
    expect(await set.find()).toEqual(['c', 'b', 'a'])
    const cases: [DeadFilter, string[]][] = [
      [{ queue: 'other' }, ['b']],
      [{ task: 't' }, ['b', 'a']],
      [{ reason: 'malformed' }, ['c']],
      [{ labels: { tenant: 1 } }, ['a']],
      [{ labels: { tenant: 2 } }, []],
      [{ error: 'typeerror: BAD b' }, ['b']],
      [{ error: /bad [ab] it is$/g }, ['b', 'a']],
      [{ before: new Date(start + 1000) }, ['a']],
      [{ since: new Date(start + 1000) }, ['c', 'b']],
    ]
    for (const [filter, ids] of cases) expect(await set.find(filter)).toEqual(ids)
    expect((await set.broker.deadLetters.get('c'))?.message).toBeUndefined()
    expect((await set.broker.deadLetters.get('a'))?.message?.args).toEqual(['bad a'])
    expect(await set.broker.deadLetters.get('x')).toBeNull()
    await set.made.stop()
  })

  it('run again with other arguments', async () => {
    const set = await graveyard()
    await bury(set)
    const { deadLetters } = set.broker
    expect(
      await deadLetters.retry(
        { queue: 'default' },
        {
          edit: ({ message }) => ({ args: ['good'], labels: { ...message.labels, mended: true } }),
        },
      ),
    ).toEqual(['a'])
    const outcome = await set.broker.handle('a').waitResult()
    expect(outcome).toMatchObject({ returnValue: 'good', labels: { tenant: 1, mended: true } })
    expect(await deadLetters.retry(['b', 'x'], { edit: () => undefined })).toEqual(['b'])
    expect((await set.broker.handle('b').waitResult()).status).toBe('failed')
    await set.made.stop()
  })

  it('drain at a rate, until told to end', async () => {
    const set = await graveyard()
    const handles = await set.task.kiqMany(Array.from({ length: 10 }, (_, i) => [`bad ${i}`]))
    await Promise.all(handles.map((handle) => handle.waitResult()))
    await set.made.stop()
    const controller = new AbortController()
    const { signal } = controller
    const left = async (): Promise<number> => (await set.find()).length
    const drained = set.broker.deadLetters.retry({}, { perSecond: 2, signal })
    await set.clock.advance(0)
    expect(await left()).toBe(9)
    await set.clock.advance(1000)
    expect(await left()).toBe(7)
    controller.abort()
    expect(await drained).toHaveLength(3)
    const slow = set.broker.deadLetters.retry({}, { perSecond: 0 })
    expect(await thrownBy(slow)).toMatchObject({ code: 'INVALID_INPUT' })
  })

  it('are deleted for good, by id or filter', async () => {
    const set = await graveyard()
    await bury(set)
    expect(await set.broker.deadLetters.delete(['a', 'x'])).toBe(1)
    expect(await set.broker.deadLetters.delete({ task: 't' })).toBe(1)
    expect(await set.find()).toEqual([])
    await set.made.stop()
  })

  it('are kept for as long, and as many, as the broker says', async () => {
    const set = await graveyard({ deadLetters: { keepFor: '1h', keep: 1 } })
    await bury(set)
    await (await set.task.kicker().withTaskId('c').kiq('bad c')).waitResult()
    await set.clock.advance(90_000)
    expect(await set.find()).toEqual(['c', 'b'])
    await set.clock.advance(3_700_000)
    expect(await set.find()).toEqual([])
    await set.made.stop()
    const wrong = set.broker.deadLetters.trim({ keep: -1 })
    expect(await thrownBy(wrong)).toMatchObject({ code: 'INVALID_INPUT' })
  })

  it('cannot be looked at where the transport cannot be inspected', async () => {
    const factory = memoryTransport()
    const create: typeof factory.create = (around) => ({
      ...factory.create(around),
      inspector: undefined,
    })
    const { broker } = stage(undefined, { transport: { ...factory, create } })
    expect(() => broker.deadLetters).toThrow('cannot be inspected')
    expect(await thrownBy(broker.retryDead([]))).toMatchObject({ code: 'UNSUPPORTED' })
  })

  it('that cannot be trimmed now are tried again a minute later', async () => {
    const set = await graveyard({ deadLetters: { keep: 0 } })
    await bury(set)
    const { inspector } = set.runtime
    if (inspector === undefined) throw new Error('memory has an inspector')
    const trim = inspector.trimDead.bind(inspector)
    inspector.trimDead = async () => Promise.reject(new Error('away'))
    await set.clock.advance(90_000)
    expect(set.lines.map(({ message }) => message)).toContain('dead letters could not be trimmed')
    inspector.trimDead = trim
    await set.clock.advance(90_000)
    expect(await set.find()).toEqual([])
    await set.made.stop()
  })
})
