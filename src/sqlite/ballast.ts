/**
 * A file of 5 MB beside the database that gives its space back when the disk is full.
 *
 * On a full disk not only sends fail but settles too, because the log must grow to take a deletion.
 * Then the ballast is removed and sends are refused: what it frees goes to messages that end. Its
 * size is that of a log (4 MB, which must fit into the file before it can be cut off) and 1 MB more;
 * with 1 MB alone the log was never folded in again (tried on a disk of 6 MB). When there is space again the ballast is made anew and sends are taken.
 * All processes share one ballast; a crash leaves it, or leaves none, and both are fine.
 */
import { closeSync, openSync, renameSync, rmSync, statSync, writeSync } from 'node:fs'
import type { Random } from '../core/random.ts'
import { freeSpace } from './file-guards.ts'

/** Bytes of the ballast. */
export const ballastSize: number = 5 * 1024 * 1024
/** Space beyond the ballast that must be there before sends are taken again. */
const reserve = 1024 * 1024

/** See the top of the file. */
export class Ballast {
  readonly #path: string
  readonly #random: Random

  constructor(file: string, random: Random) {
    this.#path = `${file}-ballast`
    this.#random = random
  }

  /** Makes the ballast if it is not there; whether it is there now. */
  ensure(): boolean {
    if (statSync(this.#path, { throwIfNoEntry: false })?.size === ballastSize) return true
    if (freeSpace(this.#path) < ballastSize + reserve) return false
    const temporary = `${this.#path}-${this.#random.hex(6)}`
    try {
      this.#write(temporary)
      renameSync(temporary, this.#path)
      return true
    } catch {
      rmSync(temporary, { force: true })
      return false
    }
  }

  /** Gives its space back; whether there was any. */
  release(): boolean {
    const there = statSync(this.#path, { throwIfNoEntry: false }) !== undefined
    rmSync(this.#path, { force: true })
    return there
  }

  #write(path: string): void {
    // Real bytes, of no pattern: a sparse or compressed file would hold no space.
    const bytes = Buffer.from(this.#random.hex(4096), 'hex')
    const descriptor = openSync(path, 'w')
    try {
      for (let written = 0; written < ballastSize; written += bytes.length)
        writeSync(descriptor, bytes)
    } finally {
      closeSync(descriptor)
    }
  }
}
