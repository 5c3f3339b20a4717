import { errorData } from '../../core/error-data.ts'
import { normalPriority, priorityNumber, type Labels } from '../../core/labels.ts'
import type { Envelope, Message } from '../../core/message.ts'
import type { ResultRecord, StoredResult } from '../../core/result.ts'
import type { Ending } from '../finish.ts'
import type { BrokerRuntime } from '../runtime.ts'
import { pipeTasks } from './pipe-names.ts'
import { pipeLabels, pipePlace, type PipePlace, type PipeStep } from './pipe-step.ts'

const day = 86_400_000

/** What follows from the end of a step of a pipeline. */
export interface PipeNext {
  readonly followUps: readonly Envelope[]
  /** The pipeline has failed: the result that the caller waits for. Stored before the step ends. */
  readonly failure?: StoredResult | undefined
}

/**
 * The next step, or the failure of the pipeline where this one has failed for good or its value cannot be
 * gone through; nothing for a retry, and for the last step. The ids of all steps were drawn when the
 * pipeline was sent, so that a repeated end sends nothing twice.
 *
 * @throws MalformedMessageError for labels that cannot be read.
 */
export function pipeNext(
  runtime: BrokerRuntime,
  message: Message,
  { claim, outcome, record }: Ending,
): PipeNext {
  const place = pipePlace(message.labels)
  const step = place?.steps[place.at + 1]
  const last = place?.steps.at(-1)
  if (place === undefined || step === undefined || last === undefined) return { followUps: [] }
  if (outcome.kind === 'retry' || record === undefined) return { followUps: [] }
  if (record.status !== 'succeeded') {
    return { followUps: [], failure: failureOf(runtime, last, record) }
  }
  try {
    const followUps = nextMessages({ place, step, message, value: record.value }).map((next) =>
      envelopeOf(runtime, next, claim.queue),
    )
    return { followUps }
  } catch (error) {
    const failed: ResultRecord = { ...record, status: 'failed', error: errorData(error) }
    return { followUps: [], failure: failureOf(runtime, last, failed) }
  }
}

function failureOf(runtime: BrokerRuntime, last: PipeStep, record: ResultRecord): StoredResult {
  const { status, error } = record
  const body = runtime.resultCodec.encodeResult({
    status,
    value: null,
    executionTime: 0,
    labels: {},
    error,
  })
  return { id: last.task_id, body, expiresIn: runtime.resultTtlOf(undefined) ?? day }
}

function nextMessages(of: {
  readonly place: PipePlace
  readonly step: PipeStep
  readonly message: Message
  readonly value: unknown
}): Message[] {
  const { place, step, message, value } = of
  const { labels, skip_errors = false, check_interval = 0.5 } = step.step_data
  const piped: Labels = {
    ...labels,
    [pipeLabels.data]: place.data,
    [pipeLabels.step]: place.at + 1,
  }
  if (step.step_type === 'sequential')
    return [callOf(step, { id: step.task_id, value, labels: piped })]
  if (!Array.isArray(value)) {
    throw new TypeError(
      `the step before '${step.step_data.task_name}' gave no list to go through, but ${value === null ? 'null' : typeof value}.`,
    )
  }
  const items = value.map((item: unknown, i) =>
    callOf(step, { id: itemId(step.task_id, i), value: item, labels }),
  )
  const ids = items.map(({ id }) => id)
  const filters = step.step_type === 'filter'
  return [
    ...items,
    {
      id: step.task_id,
      task: filters ? pipeTasks.filter : pipeTasks.wait,
      args: filters ? [ids, message.id] : [ids],
      kwargs: { check_interval, skip_errors },
      labels: piped,
    },
  ]
}

function callOf(
  { step_data: data }: PipeStep,
  of: { readonly id: string; readonly value: unknown; readonly labels: Labels },
): Message {
  const { task_name: task, param_name: param, additional_kwargs: more } = data
  const { id, value = null, labels } = of
  const named = typeof param === 'string' ? { [param]: value } : {}
  return {
    id,
    task,
    args: typeof param === 'string' || param === -1 ? [] : [value],
    kwargs: { ...more, ...named },
    labels,
  }
}

/** The id of an item: the same whenever it is sent. */
function itemId(step: string, index: number): string {
  return step.slice(0, 24) + index.toString(16).padStart(8, '0')
}

function envelopeOf(runtime: BrokerRuntime, message: Message, queue: string): Envelope {
  const { id, task, labels } = message
  const named = labels['queue_name']
  const known = runtime.registry.get(task)
  const to = typeof named === 'string' ? named : known === undefined ? queue : known.queue
  return {
    id,
    queue: to ?? queue,
    priority: priorityNumber(labels['priority']) ?? normalPriority,
    body: runtime.codec.encodeMessage(message),
  }
}
