import type { Inspector } from '../core/inspector.ts'
import type { Body } from '../core/message.ts'
import type { BrokerRuntime } from './runtime.ts'

/** Puts dead letters back with their failed runs taken off the count; malformed ones go back as they are. */
export async function retryDeadLetters(
  runtime: BrokerRuntime,
  inspector: Inspector,
  ids: readonly string[],
): Promise<readonly string[]> {
  const bodies = new Map<string, Body>()
  for (const id of ids) {
    const letter = await inspector.deadLetter(id)
    const fresh = letter === null ? undefined : withoutFailedRuns(runtime, letter.body)
    if (fresh !== undefined) bodies.set(id, fresh)
  }
  return inspector.retryDead(ids, bodies)
}

function withoutFailedRuns(runtime: BrokerRuntime, body: Body): Body | undefined {
  try {
    const message = runtime.codec.decodeMessage(body)
    const { _retries: _, tw_expires: __, ...labels } = message.labels
    return runtime.codec.encodeMessage({ ...message, labels })
  } catch {
    return undefined
  }
}
