import { milliseconds, type Duration } from '../core/duration.ts'
import { InvalidInputError } from '../core/errors.ts'
import { noLabels, type Labels } from '../core/labels.ts'
import type { Line } from './lineage.ts'

/** For whom an expiry holds. */
export interface ExpiryOptions {
  /**
   * It holds for what the message sends while it runs, too, and for what that sends: each starts by that
   * moment or not at all, however late it may start by itself. Default false.
   */
  children?: boolean | undefined
}

/** When the messages of a task expire that say nothing else. */
export interface TaskExpiryOptions extends ExpiryOptions {
  /** A message that has not started this long after it was sent is set aside. */
  in: Duration
}

/** The expiry of a task, read. Milliseconds. */
export interface ExpiryPolicy {
  readonly in: number
  readonly children: boolean
}

/** Reads it. @throws InvalidInputError */
export function readExpiry(
  expires: Duration | TaskExpiryOptions | undefined,
): ExpiryPolicy | undefined {
  if (expires === undefined) return undefined
  const { in: span, children = false } = typeof expires === 'object' ? expires : { in: expires }
  const ms = milliseconds(span)
  if (ms > 0) return { in: ms, children }
  throw new InvalidInputError('`expires` is more than 0.')
}

/** An expiry of one message: milliseconds since 1970. */
export interface Expiry {
  readonly at: number
  readonly children: boolean
}

/** By when a message starts, of its own and by the deadline of the message that sends it. */
export interface ExpiryLabels {
  readonly expires: number | undefined
  readonly labels: Labels
}

const none: ExpiryLabels = { expires: undefined, labels: noLabels }

/** The earlier of a message's own expiry and of its parent's deadline. */
export function expiryLabels(own: Expiry | undefined, line: Line | undefined): ExpiryLabels {
  const inherited = line?.deadline
  if (own === undefined && inherited === undefined) return none
  const expires = Math.min(own?.at ?? Infinity, inherited ?? Infinity)
  const handsDown = inherited !== undefined || own?.children === true
  const labels = { tw_expires: expires, ...(handsDown ? { tw_deadline: expires } : {}) }
  return { expires, labels }
}
