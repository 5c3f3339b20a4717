/**
 * A pipeline on its way, as taskiq-pipelines 0.1.4 has it: each message carries all steps in the label
 * `_pipe_data` and its own place in `_pipe_current_step`. docs/reference/wire-format.md has the members.
 */
import { MalformedMessageError } from '../../core/errors.ts'
import { isId } from '../../core/ids.ts'
import type { Labels } from '../../core/labels.ts'
import { numberLabel } from '../check-labels.ts'

/** The labels of a message that is a step of a pipeline. */
export const pipeLabels = { data: '_pipe_data', step: '_pipe_current_step' } as const

/** One step. */
export interface PipeStep {
  readonly step_type: 'sequential' | 'mapper' | 'filter'
  readonly step_data: {
    readonly task_name: string
    readonly labels: Readonly<Record<string, string>>
    /** `null`: the result comes first; a name: it comes under it; -1: it is not passed. */
    readonly param_name: string | null | -1
    readonly additional_kwargs: Readonly<Record<string, unknown>>
    readonly skip_errors?: boolean | undefined
    /** Seconds. */
    readonly check_interval?: number | undefined
  }
  readonly task_id: string
}

/** Where a message stands in its pipeline. */
export interface PipePlace {
  readonly steps: readonly PipeStep[]
  readonly at: number
  /** As it travels. */
  readonly data: Uint8Array
}

/** The bytes of steps. */
export function pipeData(steps: readonly PipeStep[]): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(steps))
}

/** The place of a message; `undefined` where it is no step of a pipeline. @throws MalformedMessageError */
export function pipePlace(labels: Labels): PipePlace | undefined {
  const given = labels[pipeLabels.data]
  if (given === undefined) return undefined
  // Without its type, which other senders may lose, a bytes label is its base64.
  const data = typeof given === 'string' ? new Uint8Array(Buffer.from(given, 'base64')) : given
  const at = numberLabel(labels[pipeLabels.step])
  if (!(data instanceof Uint8Array) || at === undefined)
    throw new MalformedMessageError('the labels of its pipeline cannot be read.')
  let steps: unknown
  try {
    steps = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(data))
  } catch (error) {
    throw new MalformedMessageError('the steps of its pipeline are no JSON.', { cause: error })
  }
  if (!Array.isArray(steps) || !steps.every(isStep))
    throw new MalformedMessageError('the steps of its pipeline are not what they should be.')
  return { steps, at, data }
}

function isStep(value: unknown): value is PipeStep {
  if (typeof value !== 'object' || value === null) return false
  const { step_type: kind, step_data: data, task_id: id } = value as Record<string, unknown>
  if (kind !== 'sequential' && kind !== 'mapper' && kind !== 'filter') return false
  if (!isId(id) || typeof data !== 'object' || data === null) return false
  const {
    task_name: name,
    labels,
    param_name: param,
    additional_kwargs: more,
  } = data as Record<string, unknown>
  return (
    typeof name === 'string' &&
    isRecord(labels ?? {}) &&
    isRecord(more ?? {}) &&
    (param === null || param === undefined || param === -1 || typeof param === 'string')
  )
}

function isRecord(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
