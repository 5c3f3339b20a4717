import type { Gate } from './gate.ts'
import type { Labels } from './labels.ts'
import type { Unique } from './unique.ts'

/** One call of a task on its way. */
export interface Message {
  /** 32 hex characters from us; any text that {@link isId} accepts from others. The same over all retries. */
  readonly id: string
  /** The name under which the task is registered. */
  readonly task: string
  /** Positional arguments, in the data table of the docs. */
  readonly args: readonly unknown[]
  /** Keyword arguments: the object of a task with `input`, or what a Python caller named. */
  readonly kwargs: Readonly<Record<string, unknown>>
  /** Key/values that travel along, reserved ones included (see {@link ReservedLabels}). */
  readonly labels: Labels
}

/** An encoded message or result: text from text codecs, bytes from binary ones. Stores keep which it was. */
export type Body = string | Uint8Array

/** The size of a body in bytes of UTF-8 (an upper bound that costs nothing is enough: 3 bytes a UTF-16 unit). */
export function bodySize(body: Body): number {
  return typeof body === 'string' ? new TextEncoder().encode(body).byteLength : body.byteLength
}

/**
 * A message as a transport sees it: bytes and where they go. Transports never look into the body.
 */
export interface Envelope {
  readonly id: string
  /**
   * The id was drawn for this very message, by us: a store need not look whether it is known, and need
   * not make it known to others at a price.
   */
  readonly fresh?: boolean | undefined
  readonly queue: string
  /** 0–9, 9 first. */
  readonly priority: number
  readonly body: Body
  /** Milliseconds from the moment the store takes it until it may run. At most one of `delay` and `at`. */
  readonly delay?: number | undefined
  /** Milliseconds since 1970 from which on it may run. */
  readonly at?: number | undefined
  /** Refused with `UnsupportedError` where the transport's `capabilities.unique` is false. */
  readonly unique?: Unique | undefined
  /** Limits that it must pass before it may be claimed. Refused with `UnsupportedError` where `capabilities.gates` is false. */
  readonly gates?: readonly Gate[] | undefined
  /** Milliseconds since 1970 after which it is handed out only to be set aside as expired. */
  readonly expires?: number | undefined
}
