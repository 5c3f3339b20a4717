import type { MadeValue } from './made-value.ts'

/** A value that is made once: whoever comes while it is being made waits for the same one. */
export interface Cell {
  /** How error messages call it. */
  readonly path: string
  /** Settles (it never rejects) when the making has ended; absent when it has. */
  readonly pending: Promise<void> | undefined
  /** Why there is no value. */
  readonly failure: { readonly error: unknown } | undefined
  /** The value, once made. */
  readonly value: unknown
  /** Ends the value; absent where there is none, or nothing to do. */
  readonly tearDown: MadeValue['tearDown']
}

/** Begins to make a value; it is there at once where `make` needs no promise. Never throws. */
export function beginCell(path: string, make: () => MadeValue | Promise<MadeValue>): Cell {
  const cell: { -readonly [K in keyof Cell]: Cell[K] } = {
    path,
    pending: undefined,
    failure: undefined,
    value: undefined,
    tearDown: undefined,
  }
  const done = ({ value, tearDown }: MadeValue): void => {
    cell.pending = undefined
    cell.value = value
    cell.tearDown = tearDown
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
