import type { TaskContext } from '../../../src/core/context.ts'
import { silentLogger } from '../../../src/core/logger.ts'

/** A context for a task of this id; asking it to do anything is a fault of the test. */
export function contextOf(taskId: string, more: Partial<TaskContext> = {}): TaskContext {
  const refuse = (): never => {
    throw new Error('not on this stage')
  }
  return {
    taskId,
    taskName: 'stage.task',
    queue: 'default',
    attempt: 1,
    redeliveries: 0,
    labels: {},
    args: [],
    input: undefined,
    parentId: undefined,
    rootId: undefined,
    runId: undefined,
    signal: new AbortController().signal,
    logger: silentLogger,
    progress: async () => refuse(),
    retry: refuse,
    reject: refuse,
    lock: refuse,
    limit: refuse,
    once: refuse,
    commit: refuse,
    expand: refuse,
    replace: refuse,
    inputs: refuse,
    ...more,
  }
}

/** A promise that the test settles by hand. */
export interface Deferred<T> {
  readonly promise: Promise<T>
  resolve(value: T): void
  reject(error: unknown): void
}

/** Makes a {@link Deferred}. */
export function deferred<T = void>(): Deferred<T> {
  let settle: Pick<Deferred<T>, 'resolve' | 'reject'> | undefined
  const promise = new Promise<T>((resolve, reject) => {
    settle = { resolve, reject }
  })
  if (settle === undefined) throw new Error('the executor runs at once')
  return { promise, ...settle }
}

/** What a promise rejects with; a fault of the test when it does not. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  let value: unknown
  try {
    value = await promise
  } catch (error) {
    return error
  }
  throw new Error(`expected a rejection, got ${String(value)}`)
}
