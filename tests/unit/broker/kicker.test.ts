import { afterEach, describe, expect, it } from 'vitest'
import { createBroker } from '../../../src/broker/create-broker.ts'
import type { BrokerOptions } from '../../../src/broker/broker-options.ts'
import { runtimeOf } from '../../../src/broker/runtime.ts'
import { InvalidInputError } from '../../../src/core/errors.ts'
import { silentLogger } from '../../../src/core/logger.ts'
import type { Envelope } from '../../../src/core/message.ts'
import type { UserLabels } from '../../../src/broker/task-options.ts'
import type { UserTransactions } from '../../../src/core/transport.ts'
import { ManualClock } from '../../../src/testing/manual-clock.ts'
import { altered, thrownBy } from './stage.ts'

const open: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of open.splice(0)) await close()
})

function stage(options: Partial<BrokerOptions> = {}) {
  const clock = new ManualClock()
  const sent: Envelope[] = []
  const transport = altered((inner) => ({
    send: (envelopes) => {
      sent.push(...envelopes)
      return inner.send(envelopes)
    },
  }))
  const broker = createBroker({ transport, logger: silentLogger, clock, ...options })
  open.push(() => broker.stop())
  const { codec } = runtimeOf(broker)
  return {
    broker,
    clock,
    sent,
    messages: () => sent.map(({ body }) => codec.decodeMessage(body)),
  }
}

describe('a kicker', () => {
  it('sends with what it was told, and is immutable', async () => {
    const { broker, clock, sent, messages } = stage()
    const task = broker.task(
      { name: 't', queue: 'own', labels: { a: 1, b: 1 }, priority: 'low' },
      async (_n: number) => {},
    )
    const kicker = task.kicker()
    const told = kicker
      .withLabels({ b: 2 })
      .withTaskId('id-1')
      .withQueue('other')
      .withDelay('5s')
      .withExpiry('1m')
      .withPriority('critical')
      .withTimeout('1500ms')
    const handle = await told.kiq(7)
    expect(handle).toMatchObject({ taskId: 'id-1', isDuplicate: false })
    expect(await told.kiq(8)).toMatchObject({ taskId: 'id-1', isDuplicate: true })
    await kicker.kiq(9)
    const expires = clock.now() + 60_000
    expect(sent[0]).toMatchObject({ queue: 'other', priority: 9, delay: 5000, expires })
    expect(messages()[0]).toMatchObject({
      args: [7],
      labels: { a: 1, b: 2, priority: 9, timeout: 1.5, tw_expires: expires },
    })
    expect(sent[2]).toMatchObject({ queue: 'own', priority: 1 })
    expect(messages()[2]?.labels).toEqual({ a: 1, b: 1, priority: 1 })
  })

  it('takes the later one of delay and eta', async () => {
    const { broker, clock, sent } = stage()
    const kicker = broker.task('t', async () => {}).kicker()
    const at = new Date(clock.now() + 5)
    await kicker.withDelay(5).withEta(at).withExpiry(at).kiq()
    await kicker.withEta(at).withDelay(7).kiq()
    expect(sent[0]).toMatchObject({ at: at.getTime(), delay: undefined, expires: at.getTime() })
    expect(sent[1]).toMatchObject({ at: undefined, delay: 7 })
  })

  it('does not let an undefined label hide one of the task', async () => {
    const { broker, sent } = stage()
    const task = broker.task({ name: 't', priority: 'high' }, async () => {})
    const labels = { priority: undefined } as unknown as UserLabels
    await task.kicker().withLabels(labels).kiq()
    expect(sent).toMatchObject([{ priority: 7 }])
  })

  it('refuses what cannot be, when it is told', () => {
    const { broker } = stage()
    const kicker = broker.task('t', async () => {}).kicker()
    const wrong: (() => unknown)[] = [
      () => kicker.withLabels({ a: Number.NaN }),
      () => kicker.withTaskId(''),
      () => kicker.withTaskId('a b'),
      () => kicker.withDelay(-1),
      () => kicker.withDelay(1e300),
      () => kicker.withExpiry(1e300),
      () => kicker.withEta(new Date(Number.NaN)),
      () => kicker.withEta('2030-01-01' as unknown as Date),
      () => kicker.withExpiry(new Date('x')),
      () => kicker.withPriority('urgent' as 'high'),
      () => kicker.withTimeout(0),
    ]
    for (const tell of wrong) expect(tell).toThrow(InvalidInputError)
    expect(() => kicker.withQueue('a b')).toThrow(/not a name for a queue/)
  })

  it('sends through another broker', async () => {
    const [one, two] = [stage(), stage()]
    await one.broker.task('t', async () => {}).kicker().withBroker(two.broker).kiq() // prettier-ignore
    expect([one.sent.length, two.sent.length]).toEqual([0, 1])
    const wrong = one.broker.task('u', async () => {}).kicker().withBroker({} as never) // prettier-ignore
    expect(await thrownBy(wrong.kiq())).toMatchObject({
      message: expect.stringMatching(/not a Taskwright broker/),
    })
  })

  it('sends inside a transaction of the user where the transport can', async () => {
    const { broker } = stage()
    const refused = broker.task('t', async () => {}).kicker().withTransaction({}) // prettier-ignore
    expect(await thrownBy(refused.kiq())).toMatchObject({ code: 'UNSUPPORTED' })
    const seen: unknown[] = []
    const transactions = {
      sendWithin: (transaction: unknown, envelopes: readonly Envelope[]) => {
        seen.push(transaction, envelopes.length)
        return seen.length > 2 ? [] : ['known' as const]
      },
    } as unknown as UserTransactions
    const factory = altered(() => ({}))
    const other = stage({
      transport: {
        ...factory,
        create: (around) => ({ ...factory.create(around), transactions }),
      },
    })
    const task = other.broker.task('t', async () => {})
    const handle = await task.kicker().withTransaction('tx').kiq()
    expect(handle.isDuplicate).toBe(true)
    expect((await task.kicker().withTransaction(undefined).kiq()).isDuplicate).toBe(false)
    expect(seen).toEqual(['tx', 1, undefined, 1])
  })
})

describe('the arguments of a call', () => {
  it('are those of the call, whatever is done to them afterwards', async () => {
    const { broker, messages } = stage()
    const slow = {
      '~standard': {
        version: 1,
        vendor: 'x',
        validate: (value: unknown) => ({ value }),
      },
    } as const
    const task = broker.task('t', async (_o: { n: number }) => {})
    const whole = broker.remoteTask({ name: 'w', input: slow, output: slow })
    const reused = { n: 0 }
    const sent = []
    for (reused.n = 1; reused.n < 4; reused.n++) sent.push(task.kiq(reused), whole.kiq(reused))
    const many = task.kiqMany([[reused]])
    reused.n = 99
    await Promise.all([...sent, many])
    const seen = messages().map(({ args, kwargs }) => (args[0] ?? kwargs) as { n: number })
    expect(seen.map(({ n }) => n).sort((a, b) => a - b)).toEqual([1, 1, 2, 2, 3, 3, 4])
  })

  it('are checked by a schema that has to be waited for', async () => {
    const { broker, sent } = stage()
    const input = {
      '~standard': {
        version: 1,
        vendor: 'x',
        validate: async (value: unknown) =>
          (value as { ok: boolean }).ok ? { value } : { issues: [{ message: 'not ok' }] },
      },
    } as const
    const task = broker.remoteTask({ name: 't', input, output: input }) as unknown as {
      kiq(input: object): Promise<unknown>
      kiqMany(calls: object[][]): Promise<unknown>
    }
    await task.kiq({ ok: true })
    await expect(task.kiq({ ok: false })).rejects.toThrow('not ok')
    await expect(task.kiqMany([[{ ok: true }], [{ ok: false }], [5 as never]])).rejects.toThrow(
      /not ok|takes one object/,
    )
    expect(sent).toHaveLength(1)
  })
})

describe('kiqMany', () => {
  it('checks every call before it stores the first', async () => {
    const { broker, sent } = stage()
    const task = broker.task('t', async (_n: unknown) => {}) as unknown as {
      kiqMany(calls: unknown): Promise<unknown[]>
    }
    expect(await thrownBy(task.kiqMany(['t1', 't2']))).toMatchObject({
      message: expect.stringMatching(/takes a list of argument lists/),
    })
    expect(await thrownBy(task.kiqMany([[1], [new Map()]]))).toMatchObject({
      code: 'DATA_NOT_PLAIN',
    })
    expect(sent).toEqual([])
    expect(await task.kiqMany(new Set([[1], [2]]))).toHaveLength(2)
    expect(await task.kiqMany([])).toEqual([])
  })
})

describe('data that cannot travel', () => {
  const deep = (levels: number): unknown => {
    let value: unknown = 1
    for (let i = 0; i < levels; i++) value = [value]
    return value
  }
  const cycle: { self?: unknown } = {}
  cycle.self = cycle
  it.each<[string, unknown]>([
    ['a Map', new Map()],
    ['a Set', new Set()],
    ['a class instance', new (class Point {})()],
    ['a function', () => 1],
    ['a symbol', Symbol('x')],
    ['NaN', Number.NaN],
    ['Infinity', Infinity],
    ['a cycle', cycle],
    ['__proto__', JSON.parse('{"__proto__":{"admin":true}}')],
    ['100,000 levels', deep(100_000)],
    ['10 MB', 'x'.repeat(10_000_000)],
  ])('%s is refused at send, and nothing is stored', async (_, value) => {
    const { broker, sent } = stage()
    const task = broker.task('t', async (_n: unknown) => {}) as unknown as {
      kiq(value: unknown): Promise<unknown>
    }
    const error = await thrownBy(task.kiq(value))
    expect(['DATA_NOT_PLAIN', 'PAYLOAD_TOO_LARGE']).toContain((error as { code: string }).code)
    expect(sent).toEqual([])
  })
})
