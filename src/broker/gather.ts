import type { TaskHandle, WaitOptions } from './task-handle.ts'

/**
 * The values of many handles, in order, as a typed tuple; all are awaited at once and share their
 * polling. Rejects with the first failure by time; the other tasks go on.
 *
 * @throws what {@link TaskHandle.result} throws.
 */
export async function gather<
  const T extends readonly (TaskHandle<unknown> | PromiseLike<TaskHandle<unknown>>)[],
>(
  handles: T,
  options?: WaitOptions,
): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> extends TaskHandle<infer R> ? R : never }> {
  const values = await Promise.all(handles.map(async (handle) => (await handle).result(options)))
  return values as {
    -readonly [K in keyof T]: Awaited<T[K]> extends TaskHandle<infer R> ? R : never
  }
}
