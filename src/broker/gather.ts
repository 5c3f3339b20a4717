import type { TaskHandle, WaitOptions } from './task-handle.ts'

/**
 * The values of many handles, in order, as a typed tuple; all are awaited at once and share their
 * polling. Rejects with the first failure by time and waits for none of the others any more; their
 * tasks go on.
 *
 * @throws what {@link TaskHandle.result} throws.
 */
export async function gather<
  const T extends readonly (TaskHandle<unknown> | PromiseLike<TaskHandle<unknown>>)[],
>(
  handles: T,
  options?: WaitOptions,
): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> extends TaskHandle<infer R> ? R : never }> {
  const over = new AbortController()
  const signal =
    options?.signal === undefined ? over.signal : AbortSignal.any([options.signal, over.signal])
  try {
    const values = await Promise.all(
      handles.map(async (handle) => (await handle).result({ ...options, signal })),
    )
    return values as {
      -readonly [K in keyof T]: Awaited<T[K]> extends TaskHandle<infer R> ? R : never
    }
  } finally {
    over.abort()
  }
}
