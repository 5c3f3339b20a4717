import type { ResultRecord } from '../../core/result.ts'
import type { AnyHandler } from '../registry.ts'
import type { BrokerRuntime } from '../runtime.ts'
import { pipeTasks } from './pipe-names.ts'
import { PostponedError } from './postponed-error.ts'

/** The shared tasks of pipelines: their names, their arguments by name, and what they do. */
export function sharedPipeTasks(
  runtime: () => BrokerRuntime,
): readonly { name: string; params: readonly string[]; handler: AnyHandler }[] {
  const wait = async (ids: unknown, interval: unknown, skip: unknown): Promise<unknown> => {
    const records = await recordsOf(runtime(), { ids, interval, skip })
    return records.flatMap((record) => (record === undefined ? [] : [record.value ?? null]))
  }
  const filter = async (
    ids: unknown,
    parent: unknown,
    ...[interval, skip]: unknown[]
  ): Promise<unknown> => {
    const records = await recordsOf(runtime(), { ids, interval, skip })
    const [body = null] = await runtime().results.get([String(parent)])
    const value: unknown = body === null ? null : runtime().resultCodec.decodeResult(body).value
    if (!Array.isArray(value))
      throw new TypeError('the list that is to be filtered is not kept any more.')
    return value.filter((_, i) => Boolean(records[i]?.value))
  }
  return [
    {
      name: pipeTasks.wait,
      params: ['task_ids', 'check_interval', 'skip_errors'],
      handler: wait,
    },
    {
      name: pipeTasks.filter,
      params: ['task_ids', 'parent_task_id', 'check_interval', 'skip_errors'],
      handler: filter,
    },
  ]
}

/**
 * The results of all items; `undefined` for those that failed and may.
 *
 * @throws PostponedError while one is missing: the message comes back later and holds no slot meanwhile.
 */
async function recordsOf(
  { results, resultCodec }: BrokerRuntime,
  of: { readonly ids: unknown; readonly interval: unknown; readonly skip: unknown },
): Promise<(ResultRecord | undefined)[]> {
  const { ids, interval, skip } = of
  if (!Array.isArray(ids)) throw new TypeError('`task_ids` is no list.')
  const bodies = await results.get(ids.map(String))
  if (bodies.includes(null))
    throw new PostponedError((typeof interval === 'number' && interval > 0 ? interval : 0.5) * 1000)
  return bodies.map((body, i) => {
    const record = body === null ? undefined : resultCodec.decodeResult(body)
    if (record?.status === 'succeeded') return record
    if (skip === true) return undefined
    const why = record?.error
    throw new Error(
      `item ${i} (task ${String(ids[i])}) failed: ${why?.name ?? ''}: ${why?.message ?? ''}`,
    )
  })
}
