import { describe, expect, it } from 'vitest'
import type { RegisteredTask } from '../../../src/broker/registry.ts'
import type { TaskContext } from '../../../src/core/context.ts'
import { errorData } from '../../../src/core/error-data.ts'
import {
  LockedError,
  LockLostError,
  RateLimitedError,
  RetryRequestedError,
  TaskRejectedError,
  TaskSkippedError,
  UnsupportedError,
} from '../../../src/core/errors.ts'
import { silentLogger } from '../../../src/core/logger.ts'
import type { Message } from '../../../src/core/message.ts'
import type { Ask, AskFailure, FromIsolated } from '../../../src/worker/isolate-messages.ts'
import { Asking, isolatedContext } from '../../../src/worker/isolated-context.ts'

/** The context of an isolated run, and the worker at the other end of its line. */
function line(labels: Message['labels'] = {}) {
  const said: FromIsolated[] = []
  const asking = new Asking((message) => said.push(message))
  const message = { id: 'm', task: 't', args: ['a'], kwargs: {}, labels } as unknown as Message
  const context: TaskContext = isolatedContext({
    call: {
      kind: 'call',
      file: '/t.ts',
      message,
      queue: 'q',
      attempt: 2,
      redeliveries: 1,
      lineage: true,
      plain: true,
    },
    task: { name: 't' } as RegisteredTask,
    input: undefined,
    asking,
    logger: silentLogger,
  })
  const asked = (): { call: number; ask: Ask } => {
    const last = said.at(-1)
    if (last?.kind !== 'ask') throw new Error('nothing was asked')
    return last
  }
  const answer = (value?: unknown, error?: AskFailure): void =>
    asking.heard({ kind: 'answer', call: asked().call, value, error })
  return { context, asking, said, asked, answer }
}

describe('the context of an isolated task', () => {
  it('says of its message what the worker was told', () => {
    const plain = line().context
    expect(plain).toMatchObject({ taskId: 'm', taskName: 't', queue: 'q', attempt: 2, args: ['a'] })
    expect([plain.parentId, plain.rootId, plain.runId]).toEqual([undefined, undefined, undefined])
    const { parentId, rootId, runId } = line({ tw_parent: 'p', tw_root: 'r', tw_run: 'w' }).context
    expect([parentId, rootId, runId]).toEqual(['p', 'r', 'w'])
  })

  it('asks its worker for what needs the store', async () => {
    const { context, asked, answer } = line()
    const waited = context.limit('api', 'key').acquire(2, { wait: '1s' })
    expect(asked().ask).toEqual({ what: 'acquire', name: 'api', key: 'key', cost: 2, wait: '1s' })
    answer(250)
    expect(await waited).toBe(250)
    const held = context.limit('api').holdOff('3')
    expect(asked().ask).toMatchObject({ what: 'hold-off', retryAfter: '3' })
    answer()
    await held
    const told = context.progress('half')
    expect(asked().ask).toEqual({ what: 'progress', state: 'half', meta: null })
    answer()
    await told
  })

  it('holds a lock by way of its worker, and hears when it is lost', async () => {
    const { context, asking, asked, answer } = line()
    const taking = context.lock('door', { ttl: '5s' })
    const { call } = asked()
    answer(7)
    const lock = await taking
    expect([lock.key, lock.token, lock.signal.aborted]).toEqual(['door', 7, false])
    const extended = lock.extend('9s')
    expect(asked().ask).toEqual({ what: 'extend', lock: call, ttl: '9s' })
    answer()
    await extended
    asking.heard({ kind: 'lock-lost', lock: call })
    expect(lock.signal.reason).toBeInstanceOf(LockLostError)
    asking.heard({ kind: 'lock-lost', lock: 999 })
    const released = lock[Symbol.asyncDispose]()
    expect(asked().ask).toEqual({ what: 'release', lock: call })
    answer(false)
    await released
  })

  it('runs a step when nobody has kept its value, and throws on what the step threw', async () => {
    const { context, asking, said, asked, answer } = line()
    const kept = context.once('paid', () => 'receipt')
    asking.heard({ kind: 'make', call: asked().call })
    await expect.poll(() => said.at(-1)).toMatchObject({ kind: 'made', value: 'receipt' })
    asking.heard({ kind: 'answer', call: 1, value: 'receipt' })
    expect(await kept).toBe('receipt')

    const error = new RangeError('no money')
    const failing = context.once('again', () => Promise.reject(error))
    const { call } = asked()
    asking.heard({ kind: 'make', call })
    await expect.poll(() => said.at(-1)).toMatchObject({ kind: 'made', call })
    asking.heard({ kind: 'answer', call, error: { data: errorData(error) } })
    await expect(failing).rejects.toBe(error)
    expect(() => answer()).toThrow('nothing was asked')
    asking.heard({ kind: 'answer', call: 99, value: 'nobody waits' })
    asking.heard({ kind: 'answer', call: 99, error: { data: errorData(error) } })
  })

  const failures: readonly [
    error: Error,
    kind: new (...of: never[]) => Error,
    more: Partial<AskFailure>,
  ][] = [
    [new LockedError('door'), LockedError, { key: 'door' }],
    [new LockLostError('door'), LockLostError, { key: 'door' }],
    [new TaskSkippedError('held'), TaskSkippedError, {}],
    [new RateLimitedError('api', 20), RateLimitedError, { wait: 20 }],
    [new RateLimitedError('api', Infinity), RateLimitedError, {}],
    [new LockedError('door', { cause: new Error('why') }), LockedError, { key: 'door' }],
  ]
  it.each(failures)('throws %s as the error that it was', async (error, kind, more) => {
    const { context, answer } = line()
    const taking = context.lock('door')
    answer(undefined, { data: errorData(error), ...more })
    await expect(taking).rejects.toSatisfy(
      (thrown) => thrown instanceof kind && thrown.message === error.message,
    )
  })

  it('throws other errors with their name and message', async () => {
    const { context, answer } = line()
    const waited = context.limit('api').acquire()
    answer(undefined, { data: errorData(new TypeError('odd')) })
    await expect(waited).rejects.toMatchObject({ name: 'TypeError', message: 'odd' })
  })

  it('ends a run by retry and reject, and refuses what lies outside of it', () => {
    const { context } = line()
    expect(() => context.retry()).toThrow(RetryRequestedError)
    expect(() => context.retry({ delay: '2s', cause: new Error('later') })).toThrow(
      RetryRequestedError,
    )
    expect(() => context.reject('no')).toThrow(TaskRejectedError)
    expect(() => context.commit({})).toThrow(UnsupportedError)
  })
})
