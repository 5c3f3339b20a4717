import type { MadeValue } from './made-value.ts'

/** A value that is made once: whoever comes while it is being made waits for the same one. */
export interface Cell {
  /** Settles (it never rejects) when the making has ended; absent when it has. */
  readonly pending: Promise<void> | undefined
  /** Why there is no value. */
  readonly failure: { readonly error: unknown } | undefined
  /** The value, once made. */
  readonly value: unknown
}

/**
 * Begins to make a value; it is there at once where `make` needs no promise. Never throws. `keep` is
 * called when the value is made, before anybody who waits for it goes on; it must not throw.
 */
export function beginCell(
  make: () => MadeValue | Promise<MadeValue>,
  keep: (made: MadeValue) => void,
): Cell {
  const cell: { -readonly [K in keyof Cell]: Cell[K] } = {
    pending: undefined,
    failure: undefined,
    value: undefined,
  }
  const done = (made: MadeValue): void => {
    cell.pending = undefined
    cell.value = made.value
    keep(made)
  }
  const fail = (error: unknown): void => {
    cell.pending = undefined
    cell.failure = { error }
  }
  let made
  try {
    made = make()
  } catch (error) {
    fail(error)
    return cell
  }
  if (made instanceof Promise) cell.pending = made.then(done, fail)
  else done(made)
  return cell
}
