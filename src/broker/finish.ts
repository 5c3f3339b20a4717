import type { Claim } from '../core/delivery.ts'
import { failpoint } from '../core/failpoint.ts'
import type { Body, Envelope } from '../core/message.ts'
import type { ResultRecord, StoredResult } from '../core/result.ts'
import { readNodeId } from '../core/node-id.ts'
import type { NodePart, Outcome, SettleStatus, Settlement } from '../core/settlement.ts'
import type { RegisteredTask } from './registry.ts'
import type { BrokerRuntime } from './runtime.ts'

/** The end of a delivery, before it is encoded. */
export interface Ending {
  readonly claim: Claim
  readonly outcome: Outcome
  /** Absent for a retry. */
  readonly record?: ResultRecord | undefined
  /** Whose result settings hold; `undefined` for a task that is not known here. */
  readonly task: RegisteredTask | undefined
  readonly followUps?: readonly Envelope[] | undefined
  /** Steps that take the place of this one; its result is theirs. */
  readonly graft?: NodePart['graft']
}

/**
 * The settlement of an ending: its result encoded and given a time to live. Only a value that cannot
 * travel fails it; how a message ended is told even where its labels cannot be.
 * @throws DataNotPlainError, PayloadTooLargeError
 */
export function settlementOf(runtime: BrokerRuntime, ending: Ending): Settlement {
  const { claim, outcome, followUps } = ending
  const node = nodePartOf(runtime, ending)
  return { claim, outcome, result: resultOf(runtime, ending), followUps, node }
}

/** What the workflow is told, where the message is a step of one: of every end but a retry. */
function nodePartOf(runtime: BrokerRuntime, ending: Ending): NodePart | undefined {
  const { claim, outcome, record, graft } = ending
  if (record === undefined || runtime.workflows === undefined) return undefined
  const isNode = record.labels['tw_run'] !== undefined
  // Bytes that cannot be read do not say what they belong to; the id may.
  const guessed = outcome.kind === 'setAside' && outcome.reason === 'malformed'
  if (!isNode && !guessed) return undefined
  const place = readNodeId(claim.id)
  if (place === undefined) return undefined
  if (graft !== undefined) return { ...place, verdict: 'ok', graft }
  const verdict = outcome.kind === 'succeeded' ? 'ok' : 'failed'
  // The workflow needs the value also where no result is kept.
  const value = runtime.resultTtlOf(ending.task) === undefined ? encode(runtime, record) : undefined
  return { ...place, verdict, value, ...(isNode ? {} : { guessed }) }
}

function resultOf(
  runtime: BrokerRuntime,
  { claim, record, task, graft }: Ending,
): StoredResult | undefined {
  if (graft !== undefined) return undefined
  const expiresIn = record === undefined ? undefined : runtime.resultTtlOf(task)
  if (record === undefined || expiresIn === undefined) return undefined
  return { id: claim.id, body: encode(runtime, record), expiresIn }
}

function encode(runtime: BrokerRuntime, record: ResultRecord): Body {
  try {
    return runtime.resultCodec.encodeResult(record)
  } catch (error) {
    if (record.status === 'succeeded') throw error
    return runtime.resultCodec.encodeResult({ ...record, labels: {} })
  }
}

/**
 * Settles. Where results live in the transport's store that is one atomic step; elsewhere the result
 * is saved first (the first writer wins), then follow-ups and outcome are settled: a crash in
 * between repeats and never loses. `write` is the call of the transport.
 */
export async function settle<T>(
  runtime: BrokerRuntime,
  settlements: readonly Settlement[],
  write: (settlements: readonly Settlement[]) => Promise<T>,
): Promise<T> {
  if (runtime.resultsInSettle) return write(settlements)
  const results = settlements.flatMap((settlement) => settlement.result ?? [])
  const stored = results.length > 0 ? await runtime.results.save(results) : []
  failpoint('settle.result-saved')
  const first = new Map(results.map(({ id }, i) => [id, stored[i]]))
  return write(
    settlements.map(({ node, ...settlement }) => ({
      ...settlement,
      result: undefined,
      // Whoever was first with a result, it is his that the workflow goes on with.
      node: node && { ...node, value: node.value ?? first.get(settlement.claim.id) },
    })),
  )
}

/** {@link settlementOf} and {@link settle} in one. */
export function finish(
  runtime: BrokerRuntime,
  endings: readonly Ending[],
): Promise<readonly SettleStatus[]> {
  return settle(
    runtime,
    endings.map((ending) => settlementOf(runtime, ending)),
    (settlements) => runtime.transport.settle(settlements),
  )
}
