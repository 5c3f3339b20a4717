import { isDeepStrictEqual } from 'node:util'
import type { TaskResult } from '../core/result.ts'
import type { Sendable } from '../broker/task.ts'
import type { TaskHandle } from '../broker/task-handle.ts'
import { TaskFailedError } from '../core/errors.ts'
import type { SentMessage } from './bench/journal.ts'
import type { TestBroker } from './test-broker.ts'

/** What a runner's `expect.extend` wants back. */
export interface MatcherResult {
  readonly pass: boolean
  readonly message: () => string
  readonly actual?: unknown
  readonly expected?: unknown
}

/** What vitest and jest give a matcher as `this`; both compare with asymmetric matchers in mind. */
export interface MatcherContext {
  readonly isNot?: boolean | undefined
  readonly equals?: ((actual: unknown, expected: unknown) => boolean) | undefined
}

/**
 * The matchers as `expect(…)` offers them, for a declaration of your own (see the guide): they extend
 * no test runner's types by themselves, as you may have another one.
 */
export interface TaskwrightMatchers<R = unknown> {
  /** Of a test broker: a message to `task` was sent (and stored), with these arguments if they are given. */
  toHaveSent<A extends readonly unknown[]>(task: Sendable<A, unknown>, args?: Loose<A>): R
  /** Of a test broker: exactly so many messages to `task` were sent. */
  toHaveSentTimes<A extends readonly unknown[]>(task: Sendable<A, unknown>, times: number): R
  /** Of a handle: the task has succeeded by now, with this value if one is given. Waits for nothing. */
  toHaveSucceeded(value?: unknown): Promise<R>
  /** Of a handle: the task has failed for good by now, with an error whose message fits. Waits for nothing. */
  toHaveFailed(message?: string | RegExp): Promise<R>
}

/** The arguments of a call, or asymmetric matchers such as `expect.any(String)` in their places. */
export type Loose<A extends readonly unknown[]> = { readonly [K in keyof A]: unknown }

/**
 * Matchers for `expect.extend` of vitest or jest.
 *
 * @example
 * ```ts
 * // example.test.ts
 * import { expect } from 'vitest'
 * import { taskwrightMatchers } from 'taskwright/testing'
 *
 * expect.extend(taskwrightMatchers)
 * ```
 */
export const taskwrightMatchers: {
  toHaveSent(this: MatcherContext, app: unknown, task: unknown, args?: unknown): MatcherResult
  toHaveSentTimes(this: MatcherContext, app: unknown, task: unknown, times: number): MatcherResult
  toHaveSucceeded(
    this: MatcherContext,
    handle: unknown,
    ...value: unknown[]
  ): Promise<MatcherResult>
  toHaveFailed(
    this: MatcherContext,
    handle: unknown,
    message?: string | RegExp,
  ): Promise<MatcherResult>
} = {
  toHaveSent(app, task, args) {
    const { name, sent, replay } = sentTo(app, task)
    const equals = this.equals ?? isDeepStrictEqual
    const pass = args === undefined ? sent.length > 0 : sent.some((one) => equals(one.args, args))
    const wanted = args === undefined ? '' : ` with ${shown(args)}`
    const found = sent.length === 0 ? 'none was sent' : `sent with ${sent.map(argsOf).join(', ')}`
    return {
      pass,
      message: () =>
        `expected ${pass ? 'no' : 'a'} message to task '${name}'${wanted}; ${found}${replay}`,
      actual: sent.map((one) => one.args),
      expected: args,
    }
  },

  toHaveSentTimes(app, task, times) {
    const { name, sent, replay } = sentTo(app, task)
    const pass = sent.length === times
    return {
      pass,
      message: () =>
        `expected ${pass ? 'any number but ' : ''}${times} messages to task '${name}', but ${sent.length} were sent${replay}`,
      actual: sent.length,
      expected: times,
    }
  },

  async toHaveSucceeded(handle, ...value) {
    const { id, state, result } = await endOf(handle)
    if (result === undefined) return notEnded(id, state, 'succeeded')
    if (result.isErr) {
      const why = `task ${id} ended as ${result.status}: ${reasonOf(result.error)}`
      return { pass: false, message: () => `expected a success, but ${why}` }
    }
    const equals = this.equals ?? isDeepStrictEqual
    const pass = value.length === 0 || equals(result.returnValue, value[0])
    const wanted = value.length === 0 ? '' : ` with ${shown(value[0])}`
    return {
      pass,
      message: () =>
        `expected task ${id} ${pass ? 'not ' : ''}to have succeeded${wanted}; its value is ${shown(result.returnValue)}`,
      actual: result.returnValue,
      expected: value[0],
    }
  },

  async toHaveFailed(handle, message) {
    const { id, state, result } = await endOf(handle)
    if (result === undefined) return notEnded(id, state, 'failed')
    if (!result.isErr) {
      const value = shown(result.returnValue)
      return {
        pass: false,
        message: () => `expected a failure, but task ${id} succeeded with ${value}`,
      }
    }
    const reason = reasonOf(result.error)
    const pass =
      message === undefined ||
      (typeof message === 'string' ? reason.includes(message) : message.test(reason))
    return {
      pass,
      message: () =>
        `expected task ${id} ${pass ? 'not ' : ''}to have failed${message === undefined ? '' : ` with ${String(message)}`}; it ended as ${result.status}: ${reason}`,
      actual: reason,
      expected: message,
    }
  },
}

function sentTo(
  app: unknown,
  task: unknown,
): { name: string; sent: readonly SentMessage[]; replay: string } {
  if (!isTestBroker(app)) throw new TypeError('expect(…) needs what testBroker(…) returned.')
  if (!isTask(task)) throw new TypeError('give the task, as broker.task(…) returned it.')
  const replay = app.replay === '' ? '' : `\n${app.replay}`
  return { name: task.name, sent: app.sent(task), replay }
}

/** A task that waits for the clock must fail a test at once, not hang it. */
async function endOf(
  handle: unknown,
): Promise<{ id: string; state: string; result: TaskResult<unknown> | undefined }> {
  if (!isHandle(handle)) throw new TypeError('expect(…) needs the handle that kiq() returned.')
  const state = (await handle.status()) ?? 'unknown'
  const ended = ['succeeded', 'failed', 'cancelled', 'dead'].includes(state)
  return { id: handle.taskId, state, result: ended ? await handle.waitResult() : undefined }
}

function notEnded(id: string, state: string, wanted: string): MatcherResult {
  const hint =
    state === 'scheduled' || state === 'retrying'
      ? ': it waits for the clock (app.clock.advance(…), app.drain())'
      : ''
  return {
    pass: false,
    message: () => `expected task ${id} to have ${wanted}, but it is ${state}${hint}`,
  }
}

/** What the handler threw, not our words around it. */
function reasonOf(error: Error): string {
  return error instanceof TaskFailedError && error.cause instanceof Error
    ? error.cause.message
    : error.message
}

function isTestBroker(value: unknown): value is TestBroker {
  return typeof value === 'object' && value !== null && 'sent' in value && 'replay' in value
}

function isTask(value: unknown): value is Sendable<readonly unknown[], unknown> {
  return (
    (typeof value === 'object' || typeof value === 'function') && value !== null && 'kiq' in value
  )
}

function isHandle(value: unknown): value is TaskHandle<unknown> {
  return typeof value === 'object' && value !== null && 'waitResult' in value
}

function argsOf({ args }: SentMessage): string {
  return shown(args)
}

function shown(value: unknown): string {
  try {
    return JSON.stringify(value) ?? String(value)
  } catch {
    return String(value)
  }
}
