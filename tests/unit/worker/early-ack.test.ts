/** `ack: 'early'`: the message ends before it runs. */
import { describe, expect, it } from 'vitest'
import { TaskContext } from '../../../src/dependencies/task-context.ts'
import { deferred, turns } from '../broker/stage.ts'
import { stage } from './stage.ts'

const early = { ack: 'early', lease: '30s', grace: 10 } as const

describe('a message that is acknowledged early', () => {
  it('is gone from the store while it runs, and its result is kept', async () => {
    const { broker, work, clock, events } = stage()
    const [begun, end] = [deferred(), deferred()]
    const task = broker.task('t', async () => {
      begun.resolve()
      await end.promise
      return 'done'
    })
    const made = await work(early)
    const handle = await task.kicker().withLabels({ tenant: 'x' }).kiq()
    await begun.promise
    expect(await handle.status()).toBeNull()
    expect(await handle.cancel()).toBe(false)
    // Longer than its lease: there is none to lose any more.
    await clock.advance(120_000)
    end.resolve()
    expect(await handle.waitResult()).toMatchObject({
      returnValue: 'done',
      labels: { tenant: 'x' },
    })
    expect(events('task-lost')).toEqual([])
    await turns()
    expect(events('task-settled')).toMatchObject([{ status: 'succeeded' }])
    await made.stop()
  })

  it('is set aside as any other when it cannot run: none is destroyed', async () => {
    const { broker, runtime, work } = stage()
    broker.task('known', async () => {})
    const unknown = await broker.remoteTask<[], void>('elsewhere').kiq()
    await runtime.transport.send([{ id: 'odd', queue: 'default', priority: 4, body: '{' }])
    const made = await work(early)
    await expect(unknown.result()).rejects.toMatchObject({ reason: 'unknown' })
    await expect(broker.handle('odd').result()).rejects.toMatchObject({ reason: 'malformed' })
    expect(await broker.inspector.deadLetter('odd')).toMatchObject({ body: '{' })
    await made.stop()
  })

  it('is sent again for a retry, though the store is away for a while', async () => {
    let away = 0
    const { broker, work, clock, events } = stage((inner) => ({
      send: (envelopes) => (away-- > 0 ? Promise.reject(new Error('away')) : inner.send(envelopes)),
    }))
    const attempts: number[] = []
    const task = broker.task(
      { name: 't', retry: { max: 2, backoff: '5s' }, deps: { ctx: TaskContext } },
      async ({ ctx }) => {
        attempts.push(ctx.attempt)
        if (ctx.attempt < 3) {
          away = 3
          throw new Error('again')
        }
        return 'done'
      },
    )
    const made = await work(early)
    const handle = await task.kicker().withPriority('high').kiq()
    await clock.advance(60_000)
    expect(await handle.result()).toBe('done')
    expect(attempts).toEqual([1, 2, 3])
    expect(events('store-failed')).toHaveLength(6)
    expect(events('task-settled').map(({ status }) => status)).toEqual([
      'retrying',
      'retrying',
      'succeeded',
    ])
    await made.stop()
  })

  it('goes back as it was when a shutdown aborts it', async () => {
    const { broker, work, clock } = stage()
    const begun = deferred()
    const task = broker.task(
      { name: 't', deps: { ctx: TaskContext } },
      async ({ ctx }, n: number) => {
        begun.resolve()
        if (n > 0) await new Promise((_, reject) => ctx.signal.addEventListener('abort', reject))
      },
    )
    const made = await work(early)
    const handle = await task.kiq(1)
    await begun.promise
    const stopping = made.stop({ timeout: 0 })
    await clock.advance(10)
    await stopping
    expect(await handle.status()).toBe('queued')
  })

  it('keeps no progress and commits nothing: there is no message to fence them', async () => {
    const { broker, work } = stage()
    const task = broker.task({ name: 't', deps: { ctx: TaskContext } }, async ({ ctx }) => {
      const refused: unknown = await ctx.progress('x').catch((error: unknown) => error)
      expect(() => ctx.commit({})).toThrow(/acknowledges before it runs/)
      return (refused as { code: string }).code
    })
    const made = await work(early)
    expect(await (await task.kiq()).result()).toBe('UNSUPPORTED')
    await made.stop()
  })

  it('fails for good without a dead letter, and its result says so', async () => {
    const { broker, work } = stage()
    const task = broker.task('t', async () => {
      throw new Error('broken')
    })
    const quiet = broker.task({ name: 'q', result: false }, async () => {})
    const made = await work(early)
    const handle = await task.kiq()
    await expect(handle.result()).rejects.toThrow('broken')
    await quiet.kiq()
    await turns()
    expect(await broker.inspector.deadLetters({ limit: 5 })).toEqual([])
    await made.stop()
  })

  it.each([
    ['gone', 'task-lost', null],
    ['cancelled', 'task-settled', 'cancelled'],
  ] as const)('does not run when it is %s by then', async (status, kind, told) => {
    let asked = 0
    const { broker, work, events } = stage((inner) => ({
      settle: (settlements) =>
        asked++ === 0 ? Promise.resolve([status]) : inner.settle(settlements),
    }))
    let runs = 0
    const task = broker.task('t', async () => void runs++)
    const made = await work(early)
    const handle = await task.kiq()
    await turns()
    expect(runs).toBe(0)
    expect(events(kind)).toMatchObject([{ id: handle.taskId }])
    // One that is gone here is a message that another holds.
    expect(await handle.status()).toBe(told ?? 'running')
    await made.stop()
  })
})
