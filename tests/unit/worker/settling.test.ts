/** How ends come into the store, whatever it says to them first. */
import { describe, expect, it } from 'vitest'
import { taskiqJson } from '../../../src/codecs/taskiq-json.ts'
import { InvalidInputError, UnsupportedError } from '../../../src/core/errors.ts'
import type { Settlement } from '../../../src/core/settlement.ts'
import type { LeaseKeeperOptions, Transport } from '../../../src/core/transport.ts'
import { TaskContext } from '../../../src/dependencies/task-context.ts'
import { memoryTransport } from '../../../src/memory/memory-transport.ts'
import { deferred, thrownBy, turns } from '../broker/stage.ts'
import { stage } from './stage.ts'

describe('a store that fails at a settle', () => {
  it('is asked again until it answers; no more than the next is claimed and nothing runs twice', async () => {
    let away = 8
    const { broker, work, clock, events } = stage((inner) => ({
      settle: (settlements) =>
        away-- > 0 ? Promise.reject(new Error('disk full')) : inner.settle(settlements),
    }))
    let runs = 0
    const task = broker.task('t', async () => ++runs)
    const made = await work({ concurrency: 1, prefetch: 0 })
    const handles = await task.kiqMany([[], [], [], []])
    await turns()
    // The second was claimed while the end of the first was on its way.
    expect(made.counts).toMatchObject({ running: 0, settling: 2, prefetched: 0 })
    expect(runs).toBe(2)
    await clock.advance(20_000)
    expect(await Promise.all(handles.map((handle) => handle.result()))).toEqual([1, 2, 3, 4])
    expect(events('store-failed')).toHaveLength(8)
    expect(made.counts).toMatchObject({ settled: 4, running: 0, settling: 0 })
    await made.stop()
  })

  it('may have stored what it did not answer: that is no lost message', async () => {
    let lose = true
    const { broker, work, clock, events } = stage((inner) => ({
      async settle(settlements) {
        const statuses = await inner.settle(settlements)
        if (!lose) return statuses
        lose = false
        throw new Error('the answer was lost')
      },
    }))
    let fail = true
    const task = broker.task({ name: 't', retry: { max: 1, backoff: '1h' } }, async () => {
      if (fail) throw new Error('once')
      return 5
    })
    const made = await work()
    const retried = await task.kiq()
    await clock.advance(1000)
    expect(await retried.status()).toBe('retrying')
    fail = false
    lose = true
    const succeeded = await task.kiq()
    await clock.advance(1000)
    expect(await succeeded.result()).toBe(5)
    expect(events('task-lost')).toEqual([])
    expect(events('task-settled').map(({ status }) => status)).toEqual(['retrying', 'succeeded'])
    await made.stop()
  })

  it('refuses one end without harm to those beside it', async () => {
    const { broker, work } = stage((inner) => ({
      settle: (settlements) => {
        const odd = settlements.some(
          ({ claim, outcome }) => claim.id === 'odd' && outcome.kind === 'succeeded',
        )
        return odd ? Promise.reject(new InvalidInputError('too odd')) : inner.settle(settlements)
      },
    }))
    const task = broker.task({ name: 't', retry: { max: 5 } }, async () => 5)
    const sent = [
      await task.kiq(),
      await task.kicker().withTaskId('odd').withLabels({ tenant: 'x' }).kiq(),
      await task.kiq(),
    ]
    const made = await work()
    expect(await sent[0]!.result()).toBe(5)
    expect(await sent[2]!.result()).toBe(5)
    expect(await sent[1]!.waitResult()).toMatchObject({
      status: 'failed',
      labels: { tenant: 'x' },
      error: { cause: { name: 'NonRetryableError', message: "the result of task 't' cannot be stored: too odd" } }, // prettier-ignore
    })
    await made.stop()
  })

  it('that refuses even a failure leaves the message to its lease', async () => {
    const { broker, work, lines, events } = stage(() => ({
      settle: () => Promise.reject(new UnsupportedError('read only')),
    }))
    const task = broker.task('t', async () => 5)
    const made = await work()
    const handle = await task.kiq()
    await turns(100)
    expect(lines.at(-1)).toMatchObject({
      level: 'error',
      fields: { task: 't', id: handle.taskId, error: { message: 'read only' } },
    })
    expect(events('store-failed')).toHaveLength(1)
    expect(made.counts).toMatchObject({ running: 0, settled: 0 })
    await made.stop()
  })
})

describe('a value', () => {
  it('that cannot travel fails the task at once, its labels kept', async () => {
    const { broker, work } = stage()
    let runs = 0
    const task = broker.task({ name: 't', retry: { max: 5 } }, async () => {
      runs++
      const value: unknown = new Map()
      return value as string
    })
    const made = await work()
    const handle = await task.kicker().withLabels({ tenant: 'x' }).kiq()
    expect(await handle.waitResult()).toMatchObject({ status: 'failed', labels: { tenant: 'x' } })
    await expect(handle.result()).rejects.toThrow(/the result of task 't' cannot be stored: .*Map/)
    expect(runs).toBe(1)
    await made.stop()
  })

  it('of a void task is undefined, and null is null', async () => {
    const { broker, work } = stage()
    const nothing = broker.task('nothing', async () => {})
    const none = broker.task('none', async () => null)
    const made = await work()
    expect(await (await nothing.kiq()).result()).toBeUndefined()
    expect(await (await none.kiq()).result()).toBeNull()
    await made.stop()
  })

  it('is kept nowhere for a task that keeps no results', async () => {
    const settled: (readonly Settlement[])[] = []
    const { broker, work } = stage((inner) => ({
      settle: (settlements) => {
        settled.push(settlements)
        return inner.settle(settlements)
      },
    }))
    const task = broker.task({ name: 't', result: false }, async () => 5)
    const made = await work()
    const handle = await task.kiq()
    await turns(100)
    expect(settled.flat()).toMatchObject([{ outcome: { kind: 'succeeded' } }])
    expect(settled.flat()[0]?.result).toBeUndefined()
    expect(await handle.status()).toBeNull()
    await made.stop()
  })
})

describe('a message that has no room for the count of its runs', () => {
  it('fails with its own error instead of being retried', async () => {
    const codec = taskiqJson({ richTypes: true, maxBytes: 500 })
    const { broker, runtime, work, lines } = stage(undefined, { codec, resultCodec: taskiqJson() })
    const task = broker.task({ name: 't', retry: { max: 5 } }, async (_text: string) => {
      throw new Error('broken')
    })
    const made = await work()
    let size = 500
    const fits = (text: string): boolean => {
      try {
        runtime.codec.encodeMessage({ id: 'x', task: 't', args: [text], kwargs: {}, labels: {} })
        return true
      } catch {
        return false
      }
    }
    while (!fits('x'.repeat(size))) size--
    const handle = await task.kicker().withTaskId('x').kiq('x'.repeat(size)) // prettier-ignore
    await expect(handle.result()).rejects.toThrow('broken')
    expect(lines.map(({ message }) => message)).toContain(
      'a message cannot be retried: it cannot be written again',
    )
    await made.stop()
  })
})

/** The heartbeat in the test's hands. */
function heartbeat() {
  const state: { options?: LeaseKeeperOptions; kept: unknown[]; forgotten: unknown[] } = {
    kept: [],
    forgotten: [],
  }
  return {
    state,
    alter: (): Partial<Transport> => ({
      keepLeases: (options) => {
        state.options = options
        return {
          keep: (claims) => void state.kept.push(...claims.map(({ token }) => token)),
          forget: (claims) => void state.forgotten.push(...claims.map(({ token }) => token)),
          stop: async () => {},
        }
      },
    }),
  }
}

describe('a cancel', () => {
  it('that the heartbeat has not told yet is found at the settle, with its reason', async () => {
    const { alter } = heartbeat()
    const { broker, work } = stage(alter)
    const [begun, end] = [deferred(), deferred()]
    const task = broker.task('t', async () => {
      begun.resolve()
      await end.promise
      return 'refused'
    })
    const made = await work()
    const handle = await task.kicker().withLabels({ tenant: 'x' }).kiq()
    await begun.promise
    await handle.cancel('superseded')
    end.resolve()
    expect(await handle.waitResult()).toMatchObject({
      status: 'cancelled',
      labels: { tenant: 'x' },
      error: { reason: 'superseded' },
    })
    await made.stop()
  })

  it('that the store cannot explain is one all the same; a result that was saved before is taken back', async () => {
    const other = memoryTransport()
    const { broker, work } = stage(
      (inner) => ({
        settle: async (settlements) =>
          settlements.some(({ outcome }) => outcome.kind !== 'cancelled')
            ? settlements.map(() => 'cancelled')
            : inner.settle(settlements),
      }),
      {
        resultBackend: { kind: 'results', name: 'apart', create: (around) => other.create(around).results }, // prettier-ignore
      },
    )
    const task = broker.task({ name: 't', retry: { max: 1 } }, async (fail: boolean) => {
      if (fail) throw new Error('retried')
      return 'refused'
    })
    const made = await work()
    for (const fail of [false, true]) {
      const handle = await task.kiq(fail)
      await turns(300)
      expect(await thrownBy(handle.result())).toMatchObject({
        code: 'TASK_CANCELLED',
        reason: 'cancelled while it ran',
      })
    }
    await made.stop()
  })

  it('of what waits in a busy worker is settled at once, without a slot', async () => {
    const { broker, work, events } = stage()
    const [begun, end] = [deferred(), deferred()]
    let runs = 0
    const task = broker.task('t', async () => {
      runs++
      begun.resolve()
      await end.promise
    })
    const made = await work({ concurrency: 1, prefetch: 3 })
    const [first, second] = await task.kiqMany([[], []])
    await begun.promise
    expect(made.counts).toMatchObject({ running: 1, prefetched: 1 })
    expect(await second!.cancel('not wanted')).toBe(true)
    await expect(second!.result()).rejects.toMatchObject({ reason: 'not wanted' })
    expect(made.counts).toMatchObject({ running: 1, prefetched: 0 })
    end.resolve()
    await first!.result()
    expect(runs).toBe(1)
    await made.stop()
    expect(events('task-settled').map(({ status }) => status)).toEqual(['cancelled', 'succeeded'])
  })

  it('before its handler begins means that it does not begin', async () => {
    const { alter, state } = heartbeat()
    const { broker, work, runtime } = stage(alter)
    const gate = deferred()
    const parsing = deferred()
    let runs = 0
    const input = {
      '~standard': {
        version: 1,
        vendor: 'x',
        async validate(value: unknown) {
          parsing.resolve()
          await gate.promise
          return { value }
        },
      },
    } as const
    await runtime.start()
    const body = runtime.codec.encodeMessage({ id: 'm', task: 't', args: [], kwargs: { a: 1 }, labels: {} }) // prettier-ignore
    await runtime.transport.send([{ id: 'm', queue: 'default', priority: 4, body }])
    broker.task({ name: 't', input }, async () => void runs++)
    const made = await work()
    await parsing.promise
    const handle = broker.handle('m')
    await handle.cancel('too late')
    state.options!.onCancelled({ id: 'm', queue: 'default', token: state.kept[0] as number }, 'too late') // prettier-ignore
    gate.resolve()
    await expect(handle.result()).rejects.toMatchObject({ reason: 'too late' })
    expect(runs).toBe(0)
    // Told of what is not here (any more), it does nothing.
    state.options!.onCancelled({ id: 'nobody', queue: 'default', token: 999 }, 'x')
    await made.stop()
  })
})

describe('a lost lease', () => {
  it('aborts its run, refuses its result and frees its slot', async () => {
    const { alter, state } = heartbeat()
    const { broker, runtime, work, clock, events } = stage(alter)
    const reasons: unknown[] = []
    const begun = deferred()
    const task = broker.task({ name: 't', deps: { ctx: TaskContext } }, async ({ ctx }) => {
      begun.resolve()
      await new Promise<void>((resolve) =>
        ctx.signal.addEventListener('abort', () => {
          reasons.push(ctx.signal.reason)
          resolve()
        }),
      )
      await expect(ctx.progress('x')).rejects.toMatchObject({ code: 'LEASE_LOST' })
      return 'refused'
    })
    const made = await work({ concurrency: 1, prefetch: 1 })
    const [first] = await task.kiqMany([[], []])
    await begun.promise
    expect(made.counts).toMatchObject({ running: 1, prefetched: 1 })
    // Both leases end in the store, and somebody else claims the messages; one is lost while it waits.
    await clock.advance(30_000)
    await runtime.transport.receive({
      queues: ['default'],
      room: 2,
      lease: 30_000,
      signal: new AbortController().signal,
    })
    const claims = state.kept.map((token, i) => ({ id: `${i}`, queue: 'default', token: token as number })) // prettier-ignore
    state.options!.onLost(claims)
    expect(made.counts.prefetched).toBe(0)
    await turns(200)
    expect(reasons).toMatchObject([{ code: 'LEASE_LOST' }])
    expect(events('task-lost')).toMatchObject([{ id: first!.taskId, attempt: 1 }])
    state.options!.onError(new Error('beat failed'))
    expect(events('store-failed')).toMatchObject([{ error: { message: 'beat failed' } }])
    await made.stop({ timeout: 0 })
  })

  it('that is found at the settle refuses the result', async () => {
    const { alter } = heartbeat()
    const { broker, work, clock, runtime, events } = stage(alter)
    const [begun, end] = [deferred(), deferred()]
    const task = broker.task('t', async () => {
      begun.resolve()
      await end.promise
      return 'too late'
    })
    const made = await work({ concurrency: 1, prefetch: 0 })
    const handle = await task.kiq()
    await begun.promise
    await clock.advance(30_000)
    const { signal } = new AbortController()
    await runtime.transport.receive({ queues: ['default'], room: 1, lease: 1000, signal, wait: 0 })
    end.resolve()
    await turns(100)
    expect(events('task-lost')).toMatchObject([{ id: handle.taskId }])
    expect(await handle.status()).toBe('running')
    await made.stop()
  })
})
