import { InvalidInputError } from '../core/errors.ts'
import { managedLabels, priorityNumber, type Labels } from '../core/labels.ts'

/** @throws InvalidInputError for labels that are kept by us, or of a type that does not travel. */
export function checkLabels(labels: Labels): Labels {
  const given: Record<string, unknown> = labels
  const kept: [string, Labels[string]][] = []
  for (const [name, value] of Object.entries(given)) {
    const managed = managedLabels.get(name)
    if (managed !== undefined)
      throw new InvalidInputError(`label '${name}' cannot be set by hand: ${managed}.`)
    if (value === undefined) continue
    if (!travels(value)) {
      throw new InvalidInputError(
        `label '${name}' must be a string, finite number, bigint, boolean or Uint8Array.`,
      )
    }
    checkReserved(name, value)
    kept.push([name, value])
  }
  // A label that is undefined is none: it must not hide the task's own.
  return Object.fromEntries(kept)
}

function travels(value: unknown): value is Labels[string] {
  if (typeof value === 'number') return Number.isFinite(value)
  return (
    typeof value === 'string' ||
    typeof value === 'boolean' ||
    typeof value === 'bigint' ||
    value instanceof Uint8Array
  )
}

function checkReserved(name: string, value: Labels[string]): void {
  if (name === 'priority' && priorityNumber(value) === undefined) {
    throw new InvalidInputError(
      "label 'priority' is 'low', 'normal', 'high', 'critical' or a whole number from 0 to 9.",
    )
  }
  if (name === 'timeout' && !((numberLabel(value) ?? 0) > 0)) {
    throw new InvalidInputError("label 'timeout' is a number of seconds above 0.")
  }
  if (name === 'max_retries' && !Number.isInteger(numberLabel(value) ?? Number.NaN)) {
    throw new InvalidInputError("label 'max_retries' is a whole number of runs.")
  }
}

/**
 * The number in a label, also where a Python caller wrote it as a text; `undefined` where it is none
 * (or not finite).
 */
export function numberLabel(value: unknown): number | undefined {
  const isNumber = typeof value === 'number' || typeof value === 'bigint'
  if (!isNumber && (typeof value !== 'string' || value.trim() === '')) return undefined
  const number = Number(value)
  return Number.isFinite(number) ? number : undefined
}
