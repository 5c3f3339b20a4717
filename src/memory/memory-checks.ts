import { InvalidInputError } from '../core/errors.ts'
import { checkGates } from '../core/gate.ts'
import type { Envelope } from '../core/message.ts'
import type { Settlement } from '../core/settlement.ts'
import { checkUnique } from '../core/unique.ts'

/** @throws InvalidInputError for what no store could keep. */
export function checkEnvelope({ id, priority, delay, at, unique, gates }: Envelope): void {
  if (!Number.isInteger(priority) || priority < 0 || priority > 9) {
    throw new InvalidInputError(`message ${id}: a priority is a whole number from 0 to 9.`)
  }
  if (!Number.isFinite(delay ?? 0) || !Number.isFinite(at ?? 0)) {
    throw new InvalidInputError(`message ${id}: 'delay' and 'at' are finite milliseconds.`)
  }
  checkUnique(id, unique)
  checkGates(id, gates)
}

/** Checks a settlement before anything is written. @throws InvalidInputError */
export function checkSettlement({ claim, outcome, followUps }: Settlement): void {
  if (outcome.kind === 'retry' && !Number.isFinite(outcome.delay)) {
    throw new InvalidInputError(`message ${claim.id}: the delay of a retry is finite milliseconds.`)
  }
  for (const envelope of followUps ?? []) checkEnvelope(envelope)
}
