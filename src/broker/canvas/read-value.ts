import { PayloadTooLargeError, isTaskwrightError } from '../../core/errors.ts'
import { nodeId } from '../../core/node-id.ts'
import type { NodeValue } from '../../core/workflow-store.ts'
import type { BrokerRuntime } from '../runtime.ts'
import type { WorkflowFailure } from './canvas.ts'
import { workflowsOf } from './write-graph.ts'

const pageSize = 200
/** The most bytes of values that are read into one array. */
const mostBytes = 16_000_000

/** What was read so far, for one reader. */
interface Reading {
  readonly runtime: BrokerRuntime
  readonly run: string
  bytes: number
}

/**
 * A node's value as the next step is given it.
 *
 * @throws PayloadTooLargeError for more than 16 MB: such lists are read by `ctx.inputs()`.
 */
export function readValue(runtime: BrokerRuntime, run: string, value: NodeValue): Promise<unknown> {
  return read({ runtime, run, bytes: 0 }, value)
}

/** The values of a node, one after the other; of one that is no list, the one. */
export async function* readValues(
  runtime: BrokerRuntime,
  run: string,
  ord: number,
): AsyncGenerator<unknown> {
  const value = await workflowsOf(runtime).value(run, ord)
  if (isLong(value)) {
    for await (const page of pages(runtime, run, value))
      for (const item of page) yield await readValue(runtime, run, item)
    return
  }
  const known = await readValue(runtime, run, value)
  if (Array.isArray(known)) yield* known
  else yield known
}

async function read(reading: Reading, value: NodeValue): Promise<unknown> {
  if (value === null) return null
  if (typeof value === 'string' || value instanceof Uint8Array) {
    reading.bytes += value.length
    if (reading.bytes > mostBytes) {
      throw new PayloadTooLargeError(
        `the results of the steps before this one are more than ${mostBytes / 1_000_000} MB together: read them one after the other by ctx.inputs(), in a step made by .si(…).`,
      )
    }
    return reading.runtime.resultCodec.decodeResult(value).value
  }
  if ('failed' in value) return failureAsData(reading, value)
  const items: unknown[] = []
  if (isLong(value)) {
    for await (const page of pages(reading.runtime, reading.run, value))
      for (const item of page) items.push(await read(reading, item))
  } else for (const item of value) items.push(await read(reading, item))
  return items
}

function isLong(value: NodeValue): value is { readonly list: number; readonly size: number } {
  return typeof value === 'object' && value !== null && 'list' in value
}

async function* pages(
  runtime: BrokerRuntime,
  run: string,
  { list, size }: { readonly list: number; readonly size: number },
): AsyncGenerator<readonly NodeValue[]> {
  for (let from = 0; from < size; from += pageSize) {
    yield await workflowsOf(runtime).values(run, { ord: list, from, limit: pageSize })
  }
}

function failureAsData(
  { runtime, run }: Reading,
  { failed, gen, name, body }: Extract<NodeValue, { readonly failed: number }>,
): WorkflowFailure {
  let error = { name: 'Error', message: 'it failed without an error that could be read' }
  try {
    const data = body === null ? null : runtime.resultCodec.decodeResult(body).error
    if (data !== null) error = { name: data.name, message: data.message }
  } catch (broken) {
    if (!isTaskwrightError(broken)) throw broken
  }
  const taskId = nodeId({ run, ord: failed, gen })
  return { isErr: true, runId: run, taskName: name, taskId, error }
}
