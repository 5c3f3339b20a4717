/**
 * What is asked of the file system about a database file. The file, its `-wal` and its `-shm` are
 * never opened here: closing any descriptor of them drops the locks of SQLite in this whole process
 * (POSIX), and another process may then write inside our transaction. `stat` opens nothing.
 */
import {
  accessSync,
  constants,
  linkSync,
  realpathSync,
  rmSync,
  statfsSync,
  statSync,
} from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { StoreError } from '../core/errors.ts'
import { failpoint } from '../core/failpoint.ts'
import type { Random } from '../core/random.ts'
import type { StoreIdentity } from '../core/store.ts'

/** Device and inode of a file, `undefined` where there is none. */
export function inodeOf(file: string): string | undefined {
  const stat = statSync(file, { throwIfNoEntry: false, bigint: true })
  return stat === undefined ? undefined : `${stat.dev}:${stat.ino}`
}

/** The identity of a store: device and inode; before the file is there, its place. */
export function storeIdentity(file: string): StoreIdentity {
  const inode = inodeOf(file)
  if (inode !== undefined) return `sqlite:${inode}`
  try {
    return `sqlite:${join(realpathSync(dirname(file)), basename(file))}`
  } catch {
    return `sqlite:${resolve(file)}`
  }
}

/**
 * Makes sure that there is a file that may be opened: made complete by `initialise` under another
 * name and linked into place, so that no process ever sees it empty or half made.
 *
 * @throws StoreError for a missing or read-only folder, a folder in its place, an empty file (a
 * truncated one: to fill it would hide the loss), and a log without its database.
 */
export function prepareFile(
  file: string,
  random: Random,
  initialise: (temporary: string) => void,
): void {
  checkFolder(file)
  const stat = statSync(file, { throwIfNoEntry: false })
  if (stat === undefined) {
    create(file, random, initialise)
    return
  }
  if (!stat.isFile()) {
    throw new StoreError(`'${file}' is not a file: name a file for the SQLite database.`)
  }
  if (stat.size === 0) {
    throw new StoreError(
      `'${file}' is empty: a database was truncated, or the file was made by hand. It is left as it is. Restore a ` +
        'backup, or delete it together with its -wal and -shm files to begin anew.',
    )
  }
  try {
    accessSync(file, constants.W_OK)
  } catch (cause) {
    throw new StoreError(
      `'${file}' is read-only for this user: give write permission to it and its folder, or name another file.`,
      { cause },
    )
  }
}

function checkFolder(file: string): void {
  const folder = dirname(file)
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true) {
    throw new StoreError(
      `the folder '${folder}' of '${basename(file)}' does not exist: make it, or name another file.`,
    )
  }
  try {
    accessSync(folder, constants.W_OK | constants.X_OK)
  } catch (cause) {
    throw new StoreError(
      `the folder '${folder}' is read-only for this user: SQLite keeps its -wal and -shm files beside '${basename(file)}'. ` +
        'Give write permission to it, or name a file elsewhere.',
      { cause },
    )
  }
}

function create(file: string, random: Random, initialise: (temporary: string) => void): void {
  if ((statSync(`${file}-wal`, { throwIfNoEntry: false })?.size ?? 0) > 0) {
    throw new StoreError(
      `'${file}' is gone but its log '${basename(file)}-wal' is still there, with messages in it. Bring the database file ` +
        'back beside it, or delete the -wal and -shm files to begin anew.',
    )
  }
  const temporary = `${file}-new-${random.hex(6)}`
  try {
    initialise(temporary)
    failpoint('sqlite.created')
    linkSync(temporary, file)
  } catch (error) {
    // Another process was first: its file is as good as ours.
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
  } finally {
    for (const suffix of ['', '-journal', '-wal', '-shm']) {
      rmSync(temporary + suffix, { force: true })
    }
  }
}

/** File systems on which SQLite's locks or shared memory cannot be trusted, by their magic numbers in Linux. */
const networkFileSystems: ReadonlyMap<number, string> = new Map([
  [0x6969, 'NFS'],
  [0x517b, 'SMB'],
  [0xff534d42, 'CIFS'],
  [0xfe534d42, 'SMB'],
  [0x65735546, 'FUSE'],
  [0x01021997, '9p'],
  [0x00c36400, 'Ceph'],
])

/** The name of the network file system that a file lies on; `undefined` on a local one. */
export function networkFileSystem(file: string, type: number = typeOf(file)): string | undefined {
  return networkFileSystems.get(type >>> 0)
}

function typeOf(file: string): number {
  try {
    return statfsSync(dirname(file)).type
  } catch {
    return 0
  }
}

/** Bytes that may still be written beside a file; `Infinity` where the system does not say. */
export function freeSpace(file: string): number {
  try {
    const { bavail, bsize } = statfsSync(dirname(file))
    return bavail * bsize
  } catch {
    return Infinity
  }
}

/**
 * Notices that the file was deleted, replaced or moved under an open connection: SQLite would go on
 * writing into a file that nobody can find any more.
 */
export class FileWatch {
  readonly #file: string
  readonly #dev: number
  readonly #ino: number

  constructor(file: string) {
    const { dev, ino } = statSync(file)
    this.#file = file
    this.#dev = dev
    this.#ino = ino
  }

  /** What happened to the file; `undefined` while it is the one that was opened. */
  changed(): string | undefined {
    const stat = statSync(this.#file, { throwIfNoEntry: false })
    if (stat !== undefined && stat.dev === this.#dev && stat.ino === this.#ino) return undefined
    const what = stat === undefined ? 'deleted or moved away' : 'replaced by another file'
    return (
      `'${this.#file}' was ${what} while it was in use: nothing more is stored, and what was sent since cannot be ` +
      'found again. Bring the file back (or begin with a new one) and start this process anew.'
    )
  }
}
