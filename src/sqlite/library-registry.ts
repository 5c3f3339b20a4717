/**
 * Which SQLite library has which file open in this process.
 *
 * POSIX drops all locks of a process on a file when any descriptor of it is closed. One SQLite library
 * knows of this and keeps descriptors open; two libraries do not know of each other, and the locks of
 * one vanish when the other closes the file: another process can then commit inside our transaction
 * (seen). So a second library on a file that is open is refused. The list is kept on `globalThis`, so
 * that two copies of this package see each other.
 */
import { StoreError } from '../core/errors.ts'
import { inodeOf } from './file-guards.ts'
import type { SqliteLibrary } from './sql-driver.ts'

interface Entry {
  readonly name: string
  /** What all loadings of one library share, ESM and CommonJS. */
  readonly prototype: unknown
  users: number
}

const key = Symbol.for('taskwright.sqlite.libraries')

/**
 * Notes that `library` has `file` open; returns what ends the note.
 *
 * @throws StoreError when another library has it open.
 */
export function registerLibrary(file: string, { name, Database }: SqliteLibrary): () => void {
  const inode = inodeOf(file)
  if (inode === undefined) return () => {}
  const entries = registry()
  let entry = entries.get(inode)
  if (entry !== undefined && entry.prototype !== Database.prototype) {
    throw new StoreError(
      `'${file}' is already open in this process through ${entry.name}, and ${name} is another SQLite library: two ` +
        'libraries on one file lose each other’s locks. Give the same `driver` to every transport and result backend of it.',
    )
  }
  if (entry === undefined)
    entries.set(inode, (entry = { name, prototype: Database.prototype, users: 0 }))
  const noted = entry
  noted.users++
  let over = false
  return () => {
    if (over) return
    over = true
    if (--noted.users === 0) entries.delete(inode)
  }
}

function registry(): Map<string, Entry> {
  const shared = globalThis as { [key]?: Map<string, Entry> }
  return (shared[key] ??= new Map())
}
