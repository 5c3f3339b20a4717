import type { Gate } from '../core/gate.ts'
import type { DeadLetter } from '../core/inspector.ts'
import type { Outcome } from '../core/settlement.ts'
import type { MemoryMessage } from './memory-message.ts'

/** A dead letter, and what it needs to be a message again. */
export interface DeadMessage {
  readonly letter: DeadLetter
  readonly enqueuedAt: number
  readonly gates: readonly Gate[] | undefined
}

/** What is kept of a message that is set aside. */
export function deadOf(
  message: MemoryMessage,
  { reason, detail }: Extract<Outcome, { kind: 'setAside' }>,
  now: number,
): DeadMessage {
  const { id, queue, priority, body, redeliveries, enqueuedAt, gates } = message
  const letter = { id, queue, priority, body, reason, detail, redeliveries, at: now }
  return { letter, enqueuedAt, gates }
}
