import type { Labels } from '../core/labels.ts'
import { numberLabel } from './check-labels.ts'

/** Failed runs so far, from the message's own label. */
export function failedRunsOf(labels: Labels): number {
  const count = numberLabel(labels['_retries']) ?? 0
  return Number.isSafeInteger(count) && count > 0 ? count : 0
}
