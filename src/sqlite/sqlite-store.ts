/**
 * One database as all contracts of one process share it: opened once, closed with its last user, and
 * all calls of one turn of the loop in one transaction.
 */
import { availableParallelism } from 'node:os'
import { TurnBatch } from '../coalescing/turn-batch.ts'
import { systemClock } from '../core/clock.ts'
import { InvalidInputError, NotStartedError } from '../core/errors.ts'
import type { StoreIdentity } from '../core/store.ts'
import type { Surroundings } from '../core/vendor.ts'
import { absoluteFile } from './database.ts'
import { bellTopics, Doorbell, type BellTopic } from './doorbell.ts'
import { LocalHost, type EngineHost } from './engine-host.ts'
import { failureError } from './failure.ts'
import { networkFileSystem, storeIdentity } from './file-guards.ts'
import { registerLibrary } from './library-registry.ts'
import type { OperationKind, Operation, Operations, Reply } from './operations.ts'
import { SignalBell } from '../coalescing/signal-bell.ts'
import { loadLibrary, type SqliteLibrary } from './sql-driver.ts'
import type { SqliteOptions } from './sqlite-options.ts'
import { hasThreadFile } from './thread-entry.ts'
import { ThreadHost } from './thread-host.ts'
import { pollVersion } from './version-poll.ts'

/** The most operations that go to the database together; the engine cuts them into transactions. */
const mostOperations = 512

/** See the top of the file. */
export class SqliteStore {
  readonly options: SqliteOptions
  readonly around: Surroundings
  /** Rings when something may be claimed, results were stored, running messages were cancelled, or locks given back. */
  readonly work: SignalBell = new SignalBell()
  readonly results: SignalBell = new SignalBell()
  readonly cancels: SignalBell = new SignalBell()
  readonly locks: SignalBell = new SignalBell()
  /** Told of runs of workflows in which a step of ours left something to do. */
  onUnfinished: (run: string) => void = () => {}
  readonly #users = new Set<object>()
  #batch: TurnBatch<Operation, Reply> | undefined
  #file: string
  #identity: StoreIdentity | undefined
  #host: EngineHost | undefined
  #leaseThread: ThreadHost | undefined
  #library: SqliteLibrary | undefined
  #bell: Doorbell | undefined
  #stopPolling: (() => void) | undefined
  #unregister: (() => void) | undefined
  #opening: Promise<void> | undefined
  #closing: Promise<void> | undefined

  constructor(options: SqliteOptions, around: Surroundings) {
    this.options = options
    this.around = around
    this.#file = absoluteFile(options.file)
  }

  /** Device and inode of the file, as it was opened; where it is while it is not open. */
  get identity(): StoreIdentity {
    return this.#identity ?? storeIdentity(this.#file)
  }

  /** Opens the database for `user`. Idempotent; concurrent calls share one opening. */
  async open(user: object): Promise<void> {
    await this.#closing
    this.#users.add(user)
    this.#opening ??= this.#open()
    try {
      await this.#opening
    } catch (error) {
      this.#users.delete(user)
      this.#opening = undefined
      throw error
    }
  }

  /** Closes it when `user` was the last one. Idempotent. */
  async close(user: object): Promise<void> {
    if (this.#users.delete(user) && this.#users.size === 0) this.#closing = this.#close()
    await this.#closing
  }

  /** Does one operation, together with the others of this turn of the loop. */
  async call<K extends OperationKind>(
    kind: K,
    ask: Operations[K]['ask'],
  ): Promise<Operations[K]['answer']> {
    const batch = this.#batch
    if (this.#host === undefined || batch === undefined) {
      throw new NotStartedError(
        'the SQLite store is not open: call start() first (after stop(): again).',
      )
    }
    const operation = { kind, ask } as Operation
    // Whoever claims wants something to do: it goes off at once, with what waits to be settled.
    const reply = await (kind === 'claim' ? batch.addLast(operation) : batch.add(operation))
    if (!reply.done) throw failureError(reply.failure)
    return reply.answer as Operations[K]['answer']
  }

  /** The library that has it open; `undefined` while it is not. */
  get library(): SqliteLibrary | undefined {
    return this.#library
  }

  /** The file, links followed. */
  get file(): string {
    return this.#file
  }

  /** Begins to hear other processes about a topic. Idempotent. */
  listen(topic: BellTopic): void {
    this.#bell?.listen(topic)
  }

  /** Tells everybody that something changed which this object did not see: a user's commit. */
  announce(): void {
    for (const topic of bellTopics) this.#tell(topic)
  }

  /** The thread that keeps leases: the database's own, or one that is started for them. */
  leaseThread(): ThreadHost | undefined {
    return this.#leaseThread
  }

  async #open(): Promise<void> {
    const { driver, synchronous = 'normal', maintenance = true } = this.options
    const { logger, random } = this.around
    // Loaded here in any case: a user's handle is known by its class.
    const library = await loadLibrary(driver)
    this.#library = library
    this.#file = absoluteFile(this.options.file)
    const options = { file: this.#file, synchronous, maintenance }
    // An object cannot cross to a thread; a name can, and is loaded there once more.
    const threaded =
      typeof driver === 'object' || typeof driver === 'function' ? undefined : library
    const thread =
      threaded === undefined
        ? undefined
        : new ThreadHost({ ...options, driver: threaded.name, clock: systemClock })
    const host = this.#inThread(thread) ?? new LocalHost({ ...options, library, random })
    // Before it is opened where it exists: opening and closing it is what drops the locks.
    let unregister = registerLibrary(this.#file, library)
    try {
      await host.open()
      unregister()
      unregister = registerLibrary(this.#file, library)
    } catch (error) {
      unregister()
      throw error
    }
    this.#unregister = unregister
    this.#host = host
    this.#batch = new TurnBatch({
      run: (operations) => this.#run(operations),
      most: mostOperations,
      inFlight: 2,
      // One call to the thread for all of a turn; here, in the same turn.
      closes: host === thread ? 'turn' : 'soon',
    })
    this.#bell = this.#makeBell(host)
    // Virtual time cannot be kept by another thread.
    this.#leaseThread = this.around.clock === systemClock ? thread : undefined
    this.#identity = storeIdentity(this.#file)
    const network = networkFileSystem(this.#file)
    if (network !== undefined) {
      logger.warn(
        `'${this.#file}' lies on a network file system (${network}): SQLite's locks cannot be trusted there and ` +
          'messages may be lost. Use a local disk, or a transport with a server.',
      )
    }
  }

  #tell(topic: BellTopic): void {
    this[topic].ring()
    this.#bell?.ring(topic)
  }

  #makeBell(host: EngineHost): Doorbell {
    const ringAll = (): void => {
      for (const topic of bellTopics) this[topic].ring()
    }
    return new Doorbell({
      file: this.#file,
      clock: systemClock,
      onRing: (topic) => this[topic].ring(),
      onUnheard: (reason) => {
        this.around.logger.info(
          `changes of '${this.#file}' by other processes cannot be watched here (${reason}): it is looked at every 20 ms.`,
        )
        this.#stopPolling = pollVersion(systemClock, () => host.dataVersion(), ringAll)
      },
    })
  }

  #inThread(thread: ThreadHost | undefined): ThreadHost | undefined {
    const { thread: wanted = 'auto' } = this.options
    if (wanted === false || (wanted === 'auto' && availableParallelism() < 2)) return undefined
    const reason =
      thread === undefined
        ? 'a `driver` object cannot cross to another thread: give the name of its module'
        : hasThreadFile()
          ? undefined
          : 'its file is not beside this module (was the package bundled?)'
    if (reason === undefined) return thread
    if (wanted === 'auto') return undefined
    throw new InvalidInputError(`the database cannot run in a thread of its own: ${reason}.`)
  }

  async #close(): Promise<void> {
    await this.#opening?.catch(() => {})
    this.#opening = undefined
    await this.#batch?.idle()
    const host = this.#host
    this.#host = undefined
    this.#identity = undefined
    this.#library = undefined
    this.#bell?.close()
    this.#stopPolling?.()
    this.#stopPolling = undefined
    if (this.#leaseThread !== host) await this.#leaseThread?.close()
    this.#leaseThread = undefined
    await host?.close()
    this.#unregister?.()
  }

  async #run(operations: readonly Operation[]): Promise<readonly Reply[]> {
    const { replies, news } = await this.#opened().run(operations, this.around.clock.now())
    for (const topic of bellTopics) if (news[topic]) this.#tell(topic)
    for (const run of new Set(news.unfinished)) this.onUnfinished(run)
    return replies
  }

  #opened(): EngineHost {
    if (this.#host === undefined) throw new NotStartedError('the SQLite store was closed.')
    return this.#host
  }
}
