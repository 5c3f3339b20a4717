import { InvalidInputError } from './errors.ts'

/** The most characters of a unique key. */
const longestKey = 200

/**
 * One message of a key at a time. The store decides in the very step that stores the message, so two
 * senders never both win.
 */
export interface Unique {
  /** 1 to 200 characters. */
  readonly key: string
  /**
   * How long a message keeps its key: `queued`, until it is claimed (and again while it waits for a
   * retry); `queued-or-running`, until it has ended; `window`, for `window` milliseconds from when it was
   * stored, whatever became of it. What was cancelled, or set aside, keeps no key but that of a window.
   */
  readonly while: 'queued' | 'queued-or-running' | 'window'
  readonly window?: number | undefined
  /**
   * What to do while another message has the key: `keep` it and store nothing, or `replace` it: it is
   * cancelled in the same step. If it waits it never runs; if it runs it is told to stop, and its result
   * is refused.
   */
  readonly onConflict: 'keep' | 'replace'
  /**
   * Replaced again and again, the key's message is due no later than so many milliseconds after the first
   * of them was stored.
   */
  readonly within?: number | undefined
}

/** Checks the unique key of a message. @throws InvalidInputError */
export function checkUnique(id: string, unique: Unique | undefined): void {
  if (unique === undefined) return
  const { key, window = 0 } = unique
  if (key === '' || key.length > longestKey) {
    throw new InvalidInputError(
      `message ${id}: a unique key has 1 to ${longestKey} characters, not ${key.length}.`,
    )
  }
  if (unique.while === 'window' && !(window > 0))
    throw new InvalidInputError(`message ${id}: a window is more than 0 milliseconds.`)
}
