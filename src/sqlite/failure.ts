import { errorData, rebuildError, type ErrorData } from '../core/error-data.ts'
import { QueueFullError, StoreError } from '../core/errors.ts'

/**
 * Why an operation did nothing, as data, so that it crosses from the database thread.
 *
 * - `busy`: another connection holds the write lock; asked again by the runner until its deadline.
 * - `full`: no space. `broken`: the file is not ours any more or is damaged; nothing goes on.
 */
export type Failure =
  | {
      readonly kind: 'busy' | 'full' | 'broken' | 'store'
      readonly message: string
      readonly transient: boolean
      readonly cause?: ErrorData | undefined
    }
  | { readonly kind: 'queueFull'; readonly queue: string; readonly cap: number }

/** The error that a caller sees. */
export function failureError(failure: Failure): Error {
  if (failure.kind === 'queueFull') return new QueueFullError(failure.queue, failure.cap)
  const { kind, message, transient, cause } = failure
  return new StoreError(message, {
    transient,
    code: kind === 'full' ? 'STORE_FULL' : 'STORE',
    ...(cause === undefined ? {} : { cause: rebuildError(cause) }),
  })
}

/** SQLite's primary result codes that mean something of their own here. */
const codes = {
  busy: 5,
  locked: 6,
  readonly: 8,
  io: 10,
  corrupt: 11,
  full: 13,
  open: 14,
  notADatabase: 26,
}

/** What better-sqlite3 says instead of a number. */
const codeNames: Readonly<Record<string, number>> = {
  SQLITE_BUSY: codes.busy,
  SQLITE_LOCKED: codes.locked,
  SQLITE_READONLY: codes.readonly,
  SQLITE_IOERR: codes.io,
  SQLITE_CORRUPT: codes.corrupt,
  SQLITE_FULL: codes.full,
  SQLITE_CANTOPEN: codes.open,
  SQLITE_NOTADB: codes.notADatabase,
}

/** SQLite's own texts: some calls of @photostructure/sqlite lose the number. */
const texts: readonly (readonly [RegExp, number])[] = [
  [/database is locked/, codes.busy],
  [/database (table|schema) is locked/, codes.locked],
  [/readonly database/, codes.readonly],
  [/disk I\/O error/, codes.io],
  [/disk image is malformed/, codes.corrupt],
  [/database or disk is full/, codes.full],
  [/unable to open database/, codes.open],
  [/file is not a database/, codes.notADatabase],
]

/** SQLite's primary result code of an error of any of the libraries; 0 where it has none. */
export function sqliteCode(error: unknown): number {
  if (!(error instanceof Error)) return 0
  const errcode: unknown = Reflect.get(error, 'errcode')
  if (typeof errcode === 'number') return errcode & 0xff
  const code: unknown = Reflect.get(error, 'code')
  if (typeof code === 'string' && code.startsWith('SQLITE_')) {
    const named = Object.entries(codeNames).find(([name]) => code.startsWith(name))
    if (named !== undefined) return named[1]
  }
  return texts.find(([text]) => text.test(error.message))?.[1] ?? 0
}

/** What went wrong with `file`, in words that say what to do. */
export function describeFailure(error: unknown, file: string): Failure {
  if (error instanceof QueueFullError) {
    return { kind: 'queueFull', queue: error.queue, cap: error.cap }
  }
  const cause = errorData(error)
  if (error instanceof StoreError) {
    const kind = error.code === 'STORE_FULL' ? 'full' : 'store'
    return { kind, message: error.message, transient: error.transient, cause }
  }
  const told = cause.message
  switch (sqliteCode(error)) {
    case codes.busy:
    case codes.locked:
      return { kind: 'busy', message: busyMessage(file), transient: true, cause }
    case codes.full:
      return { kind: 'full', message: fullMessage(file), transient: true, cause }
    case codes.readonly:
      return store(
        `'${file}' cannot be written (${told}): the file or its folder is read-only, or the file was moved. SQLite ` +
          'must be able to write both. Give this user write permission, or name another file.',
        cause,
      )
    case codes.open:
      return store(
        `'${file}' cannot be opened (${told}): its folder must exist and be writable, and the path be a file.`,
        cause,
      )
    case codes.corrupt:
      return { ...store(damagedMessage(file, told), cause), kind: 'broken' }
    case codes.notADatabase:
      return {
        ...store(
          `'${file}' is not a SQLite database (${told}), and it is left as it is. Name another file, or move this one away.`,
          cause,
        ),
        kind: 'broken',
      }
    case codes.io:
      return {
        ...store(
          `reading or writing '${file}' failed (${told}): look at the disk and its free space.`,
          cause,
        ),
        transient: true,
      }
    default:
      return store(`SQLite refused an operation on '${file}': ${told}`, cause)
  }
}

function store(message: string, cause: ErrorData): Failure & { kind: 'store' } {
  return { kind: 'store', message, transient: false, cause }
}

const busyMessage = (file: string): string =>
  `'${file}' is locked: another connection holds a write transaction open. Commit or roll back transactions ` +
  'soon, and do not keep one open across an await; then try again.'

const fullMessage = (file: string): string =>
  `the disk of '${file}' is full: the message was not stored. Free some space; messages that are already ` +
  'stored can still be finished.'

/** A damaged file; `told` is what SQLite found. */
export const damagedMessage = (file: string, told: string): string =>
  `'${file}' is damaged (${told.replaceAll(/\s+/g, ' ')}). It is left as it is and nothing more is written to it: stop all processes that ` +
  "use it, keep a copy, and restore a backup or save what is readable with `sqlite3 FILE '.recover'`."
