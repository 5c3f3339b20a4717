import type { TaskHandle, WaitOptions } from './task-handle.ts'

type Handles = readonly (TaskHandle<unknown> | PromiseLike<TaskHandle<unknown>>)[]
type ValueOf<H> = Awaited<H> extends TaskHandle<infer R> ? R : never

/**
 * The values of many handles, in order, as a typed tuple; all are awaited at once and share their
 * polling. Rejects with the first failure by time and waits for none of the others any more; their
 * tasks go on.
 *
 * With `settled: true` it waits for all, and never rejects: each becomes what `Promise.allSettled`
 * makes of it. A timeout is then the rejection of those that had not ended.
 *
 * @throws what {@link TaskHandle.result} throws.
 */
export function gather<const T extends Handles>(
  handles: T,
  options?: WaitOptions & { readonly settled?: false },
): Promise<{ -readonly [K in keyof T]: ValueOf<T[K]> }>
export function gather<const T extends Handles>(
  handles: T,
  options: WaitOptions & { readonly settled: true },
): Promise<{ -readonly [K in keyof T]: PromiseSettledResult<ValueOf<T[K]>> }>
export function gather(
  handles: Handles,
  { settled = false, ...options }: WaitOptions & { readonly settled?: boolean } = {},
): Promise<unknown> {
  if (!settled) return firstFailure(handles, options)
  return Promise.allSettled(handles.map(async (handle) => (await handle).result(options)))
}

async function firstFailure(handles: Handles, options: WaitOptions): Promise<unknown[]> {
  const over = new AbortController()
  const signal =
    options.signal === undefined ? over.signal : AbortSignal.any([options.signal, over.signal])
  try {
    return await Promise.all(
      handles.map(async (handle) => (await handle).result({ ...options, signal })),
    )
  } finally {
    over.abort()
  }
}
