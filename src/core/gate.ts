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
  /**
   * What becomes of a message that finds the gate full. `wait` (default): it stands in line. `drop`: it is
   * cancelled with {@link droppedReason} instead of passing. `cancel`: the oldest that has passed the gate
   * is cancelled with {@link supersededReason}, and the new one passes when that one has ended: never are
   * more let through than the limit. Where there are `limit` such new ones already, the oldest of these is
   * cancelled. Whoever has passed such a gate has passed it until its end, over retries too; such gates
   * stand before those that are given back.
   */
  readonly full?: 'wait' | 'drop' | 'cancel' | undefined
}

/** Whether who has passed a gate keeps that over a retry. */
export function isKept({ keep, full = 'wait' }: Gate): boolean {
  return keep === true || full !== 'wait'
}

/** Why a message was cancelled that found a gate full. */
export function droppedReason(key: string): string {
  return `dropped: the limit '${key}' is full`
}

/** Why a message was cancelled that had to make place for another. */
export function supersededReason(key: string, by: string): string {
  return `superseded by ${by}: the limit '${key}' is full`
}

/** A gate as stores write it down. */
export type StoredGate = readonly [key: string, limit: number, mode: number]

const dropMode = 2
const cancelMode = 3

/** Key, limit and how it works: 0 is given back over a retry, 1 is kept, 2 drops, 3 cancels. */
export function storedGate({ key, limit, keep = false, full = 'wait' }: Gate): StoredGate {
  const mode = full === 'drop' ? dropMode : full === 'cancel' ? cancelMode : Number(keep)
  return [key, limit, mode]
}

/** What {@link storedGate} wrote. */
export function readGate([key, limit, mode]: StoredGate): Gate {
  if (mode === dropMode) return { key, limit, full: 'drop' }
  return mode === cancelMode ? { key, limit, full: 'cancel' } : { key, limit, keep: mode === 1 }
}

/** The most gates of a message. */
const mostGates = 8
const longestKey = 200

/** Lists that were found right: the messages of a task whose limits have no keys share one. */
const checked = new WeakSet<readonly Gate[]>()

/** Checks the gates of a message. @throws InvalidInputError */
export function checkGates(id: string, gates: readonly Gate[] | undefined): void {
  if (gates === undefined || checked.has(gates)) return
  const keys = new Set(gates.map(({ key }) => key))
  const fits = gates.every(
    ({ key, limit }) =>
      key !== '' && key.length <= longestKey && Number.isSafeInteger(limit) && limit >= 1,
  )
  const kept = gates.map(isKept)
  const ordered = kept.every((keep, i) => !keep || kept.slice(0, i).every((before) => before))
  if (fits && ordered && keys.size === gates.length && keys.size >= 1 && keys.size <= mostGates) {
    checked.add(gates)
    return
  }
  throw new InvalidInputError(
    `message ${id}: it has 1 to ${mostGates} gates of different keys (1 to ${longestKey} characters), limits of 1 or more, and those that are kept first.`,
  )
}
