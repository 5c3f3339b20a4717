import { clientNumbers, unblock, type ClientNumbers } from '../connections/redis/client-numbers.ts'
import { atEndOfTurn } from '../core/clock.ts'
import type { RedisLink } from '../connections/redis/redis-link.ts'
import { nothingRead, readPlainly, type PlainRead, type ReadLines } from './read-streams.ts'
import type { RedisStore } from './redis-store.ts'

/** What a read waits for. */
export interface BlockingRead {
  readonly lines: ReadLines
  readonly consumer: string
  readonly room: number
  /** Milliseconds. */
  readonly wait: number
  /** The stamp of the bell before the last look: a ring since then means another look. */
  readonly stamp: number
  readonly signals: readonly AbortSignal[]
}

interface Reader {
  readonly link: RedisLink
  /** The number of the connection on the server; anew after each connection. */
  numbers: Promise<ClientNumbers> | undefined
}

/** Milliseconds between two attempts to end a read that may not have begun. */
const unblockEvery = 5

/**
 * Reads that block, each on a connection of its own while it does. A read is ended by CLIENT UNBLOCK and
 * its answer awaited, so that what it has claimed in that moment is handed out and not lost.
 */
export class BlockingReads {
  readonly #store: RedisStore
  readonly #idle: Reader[] = []
  readonly #all = new Set<Reader>()
  /** What each signal ends. It is listened to once, for as long as it lives: there is one for many reads. */
  readonly #ends = new WeakMap<AbortSignal, Set<() => void>>()
  #closed = false

  constructor(store: RedisStore) {
    this.#store = store
  }

  /** New entries, or none when its time has passed, a bell rang, or a signal was aborted. @throws StoreError */
  async read(read: BlockingRead): Promise<PlainRead> {
    const reader = this.#idle.pop() ?? (await this.#open())
    try {
      const found = await this.#readOn(reader, read)
      if (this.#closed) reader.link.cut()
      else this.#idle.push(reader)
      return found
    } catch (error) {
      // What it has claimed, if anything, is found by the receiver's look for lost answers.
      this.#all.delete(reader)
      reader.link.cut()
      throw error
    }
  }

  /** Lets connections go that nobody reads on; others go when their reads end. */
  close(): void {
    this.#closed = true
    for (const reader of this.#idle.splice(0)) {
      this.#all.delete(reader)
      reader.link.cut()
    }
  }

  /** Connections may be opened again. */
  reopen(): void {
    this.#closed = false
  }

  async #readOn(reader: Reader, read: BlockingRead): Promise<PlainRead> {
    const { lines, consumer, room, wait, stamp, signals } = read
    const { work } = this.#store
    // The nodes of a cluster come and go without a word.
    if (this.#store.connector.isCluster) reader.numbers = undefined
    const numbers = await (reader.numbers ??= clientNumbers(reader.link))
    // What this turn has to say comes first: the ends of short tasks, which somebody waits for.
    await new Promise<void>(atEndOfTurn)
    const over = (): boolean => work.stamp !== stamp || signals.some(({ aborted }) => aborted)
    if (over()) return nothingRead
    const order = { lines, consumer, room, block: wait }
    const reading = readPlainly(reader.link, this.#store, order)
    const stopListening = this.#endWhen(read, reading, numbers)
    try {
      return await reading
    } finally {
      stopListening()
    }
  }

  /** Ends the read when a bell rings or a signal is aborted. */
  #endWhen(
    { signals }: BlockingRead,
    reading: Promise<unknown>,
    numbers: ClientNumbers,
  ): () => void {
    const { clock } = this.#store.around
    let open = true
    const done = (): void => void (open = false)
    reading.then(done, done)
    let ending = false
    const end = async (): Promise<void> => {
      if (ending) return
      ending = true
      // It may not have reached the server yet: until it has ended, it is ended again.
      while (open) {
        await this.#unblock(numbers)
        if (open) await new Promise<void>((resolve) => clock.after(unblockEvery, resolve))
      }
    }
    const onEnd = (): void => void end()
    const stop = this.#store.work.listen(onEnd)
    for (const signal of signals) this.#endsOf(signal).add(onEnd)
    return () => {
      stop()
      for (const signal of signals) this.#endsOf(signal).delete(onEnd)
    }
  }

  #endsOf(signal: AbortSignal): Set<() => void> {
    let ends = this.#ends.get(signal)
    if (ends === undefined) {
      const all = (ends = new Set<() => void>())
      this.#ends.set(signal, all)
      signal.addEventListener('abort', () => {
        for (const end of [...all]) end()
      })
    }
    return ends
  }

  async #unblock(numbers: ClientNumbers): Promise<void> {
    try {
      await unblock(this.#store.commands, numbers)
    } catch {
      // The store was closed: then the read ends with its connection.
    }
  }

  async #open(): Promise<Reader> {
    const { connector, instance } = this.#store
    const name = `taskwright:${instance}:reads`
    const link = await connector.link({ name, blocking: true, direct: true })
    const reader: Reader = { link, numbers: undefined }
    link.client.on('close', () => (reader.numbers = undefined))
    await link.open()
    this.#all.add(reader)
    return reader
  }
}
