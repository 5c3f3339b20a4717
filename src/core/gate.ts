import { InvalidInputError } from './errors.ts'

/**
 * A limit that a message must pass before it may be claimed: at most `limit` messages have passed the
 * gate of a key and not ended.
 *
 * A permit belongs to the message, not to the worker that runs it: it is taken in the step that makes the
 * message ready, and given back in the step that ends it. A worker that dies leaks none, since its
 * message comes back and still has its permits; no clock is asked.
 *
 * A message with several gates passes them in their order, and keeps those that it has passed while it
 * waits for the next. Who waits at a gate is let through by priority and place.
 */
export interface Gate {
  /** 1 to 200 characters. */
  readonly key: string
  /** At least 1. Another one may be set for the key at run time, which then holds for all. */
  readonly limit: number
  /**
   * Kept while the message waits for a retry, and passed in the order of places whatever the priority:
   * with a limit of 1 the messages of a key run one after the other, first in, first out. Such gates
   * stand before the others. Default false: it is given back until the retry is due.
   */
  readonly keep?: boolean | undefined
}

/** The most gates of a message. */
const mostGates = 8
const longestKey = 200

/** Checks the gates of a message. @throws InvalidInputError */
export function checkGates(id: string, gates: readonly Gate[] | undefined): void {
  if (gates === undefined) return
  const keys = new Set(gates.map(({ key }) => key))
  const fits = gates.every(
    ({ key, limit }) =>
      key !== '' && key.length <= longestKey && Number.isSafeInteger(limit) && limit >= 1,
  )
  const kept = gates.map(({ keep = false }) => keep)
  const ordered = kept.every((keep, i) => !keep || kept.slice(0, i).every((before) => before))
  if (fits && ordered && keys.size === gates.length && keys.size >= 1 && keys.size <= mostGates)
    return
  throw new InvalidInputError(
    `message ${id}: it has 1 to ${mostGates} gates of different keys (1 to ${longestKey} characters), limits of 1 or more, and those that are kept first.`,
  )
}
