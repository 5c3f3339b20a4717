import { longestText, readLedger, type LedgerMemory } from '../coalescing/shared-ledger.ts'
import type { Claim } from '../core/delivery.ts'

/** A claim as the ledger has it: tokens and ids are ASCII, and the name of the queue goes by its number. */
export function ledgerText({ token, id }: Claim): string {
  return `${token} ${id}`.slice(0, longestText)
}

/** The claims in a ledger. One whose queue is not known yet is left out. */
export function ledgerClaims(memory: LedgerMemory, queues: readonly string[]): Claim[] {
  return readLedger(memory).flatMap((text) => {
    const space = text.indexOf(' ')
    const token = text.slice(0, space)
    const queue = queues[Number(token.split('.')[1])]
    return queue === undefined ? [] : { id: text.slice(space + 1), queue, token }
  })
}
