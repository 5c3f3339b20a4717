import { describe, expect, it } from 'vitest'
import { createBroker, silentLogger, type Broker, type TaskHandle } from '../../../src/index.ts'
import {
  taskwrightMatchers,
  testBroker,
  type MatcherResult,
  type TaskwrightMatchers,
} from '../../../src/testing/index.ts'

// As the guide says it.
declare module 'vitest' {
  // oxlint-disable-next-line no-unused-vars, typescript/no-empty-object-type
  interface Matchers<T> extends TaskwrightMatchers<void> {}
}
expect.extend(taskwrightMatchers)

const newBroker = (): Broker => createBroker({ transport: 'memory:', logger: silentLogger })

describe('the matchers', () => {
  it('tell what was sent', async () => {
    const broker = newBroker()
    const greet = broker.task('greet', async (_name: string, _times: number) => {})
    const other = broker.task('other', async () => {})
    await using app = testBroker(broker, { mode: 'inline' })
    await greet.kiq('Ada', 2)
    expect(app).toHaveSent(greet)
    expect(app).toHaveSent(greet, ['Ada', 2])
    expect(app).toHaveSent(greet, ['Ada', expect.any(Number)])
    expect(app).not.toHaveSent(greet, ['Ada', 3])
    expect(app).not.toHaveSent(other)
    expect(app).toHaveSentTimes(greet, 1)
    expect(app).not.toHaveSentTimes(greet, 2)
    expect(() => expect(app).toHaveSent(other)).toThrow(
      "expected a message to task 'other'; none was sent",
    )
    expect(() => expect(app).toHaveSent(greet, ['Grace', 2])).toThrow(
      `expected a message to task 'greet' with ["Grace",2]; sent with ["Ada",2]`,
    )
    expect(() => expect(app).not.toHaveSent(greet)).toThrow(/expected no message/)
    expect(() => expect(app).toHaveSentTimes(greet, 3)).toThrow(
      "expected 3 messages to task 'greet', but 1 were sent",
    )
    // @ts-expect-error one argument too few
    expect(app).not.toHaveSent(greet, ['Ada'])
  })

  it('tell how a task ended, and wait for nothing', async () => {
    const broker = newBroker()
    const work = broker.task(
      {
        name: 'work',
        retry: { max: 1, backoff: '1m', only: (error) => error instanceof RangeError },
      },
      async (how: 'well' | 'badly' | 'late') => {
        if (how === 'badly') throw new Error('quite broken')
        if (how === 'late') throw new RangeError('later')
        return { how }
      },
    )
    await using app = testBroker(broker, { mode: 'inline' })
    const [well, badly, late] = [
      await work.kiq('well'),
      await work.kiq('badly'),
      await work.kiq('late'),
    ]
    const never = await work.kicker().withDelay('1h').kiq('well')
    await expect(well).toHaveSucceeded()
    await expect(well).toHaveSucceeded({ how: 'well' })
    await expect(well).toHaveSucceeded({ how: expect.any(String) as string })
    await expect(well).not.toHaveSucceeded({ how: 'badly' })
    await expect(badly).toHaveFailed()
    await expect(badly).toHaveFailed('broken')
    await expect(badly).toHaveFailed(/^quite broken$/)
    await expect(badly).not.toHaveFailed('fine')
    await expect(expect(badly).toHaveSucceeded()).rejects.toThrow(/ended as failed: quite broken/)
    await expect(expect(well).toHaveFailed()).rejects.toThrow(/succeeded with {"how":"well"}/)
    await expect(expect(well).toHaveSucceeded(5)).rejects.toThrow(/with 5; its value is/)
    await expect(expect(badly).toHaveFailed('fine')).rejects.toThrow(/failed with fine; it ended/)
    await expect(expect(late).toHaveSucceeded()).rejects.toThrow(
      /is retrying: it waits for the clock/,
    )
    await expect(expect(never).toHaveFailed()).rejects.toThrow(/is scheduled: it waits/)
    await app.drain()
    await expect(late).toHaveFailed('later')
    await never.cancel()
    await expect(never).toHaveSucceeded()
  })

  it('say the seed', async () => {
    const broker = newBroker()
    const work = broker.task('work', async () => {})
    await using app = testBroker(broker, { mode: 'concurrent', seed: 8 })
    expect(() => expect(app).toHaveSent(work)).toThrow(/TASKWRIGHT_SEED=8/)
  })

  it('refuse what they are not for', async () => {
    const broker = newBroker()
    const work = broker.task('work', async () => {})
    await using app = testBroker(broker, { mode: 'inline' })
    expect(() => expect(5).toHaveSent(work)).toThrow(/testBroker/)
    expect(() => expect(app).toHaveSent('work' as never)).toThrow(/give the task/)
    await expect(expect(undefined).toHaveSucceeded()).rejects.toThrow(/handle/)
  })

  it('need nothing of their runner', async () => {
    const broker = newBroker()
    const work = broker.task('work', async (n: number) => ({ n }))
    await using app = testBroker(broker, { mode: 'inline' })
    const handle: TaskHandle<{ n: number }> = await work.kiq(1)
    const sent: MatcherResult = taskwrightMatchers.toHaveSent.call({}, app, work, [1])
    expect(sent.pass).toBe(true)
    const ended = await taskwrightMatchers.toHaveSucceeded.call({}, handle, { n: 1 })
    expect(ended.pass).toBe(true)
  })
})
