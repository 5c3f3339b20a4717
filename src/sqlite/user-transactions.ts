/**
 * Sending and settling inside the user's own transaction, on his own handle.
 *
 * Our statements run on his connection, so they are committed or rolled back with his. This is only
 * sound when his handle is of the same SQLite library as ours (two libraries in one process lose each
 * other's locks), is open on the same file (an attached file is committed on its own at a crash), and
 * has a transaction open. All three are checked before anything is written.
 */
import { systemClock } from '../core/clock.ts'
import type { Envelope } from '../core/message.ts'
import {
  isTaskwrightError,
  LeaseLostError,
  NotStartedError,
  QueueFullError,
  TransactionError,
} from '../core/errors.ts'
import type { Settlement } from '../core/settlement.ts'
import type { SendStatus, UserTransactions } from '../core/transport.ts'
import { ClaimedLines } from './claimed-lines.ts'
import { CommitWatch } from './commit-watch.ts'
import { Connection } from './connection.ts'
import { describeFailure, failureError } from './failure.ts'
import { inodeOf, storeIdentity } from './file-guards.ts'
import { QueueNumbers } from './queue-numbers.ts'
import { checkEnvelope, send } from './send.ts'
import { checkSettlement, settle } from './settle.ts'
import { inTransaction, type SqliteHandle, type SqliteLibrary } from './sql-driver.ts'
import type { SqliteStore } from './sqlite-store.ts'
import { Tokens } from './tokens.ts'
import type { Turn } from './turn.ts'

/** See the top of the file. */
export class SqliteTransactions implements UserTransactions {
  readonly #store: SqliteStore
  readonly #commits: CommitWatch
  /** One connection for each handle, so that statements are prepared once. */
  readonly #connections = new WeakMap<object, Connection>()

  constructor(store: SqliteStore) {
    this.#store = store
    this.#commits = new CommitWatch(systemClock, () => this.announce())
  }

  sendWithin(transaction: unknown, envelopes: readonly Envelope[]): readonly SendStatus[] {
    for (const envelope of envelopes) checkEnvelope(envelope)
    return this.#within(transaction, (turn) => send(turn, envelopes))
  }

  settleWithin(transaction: unknown, settlement: Settlement): void {
    checkSettlement(settlement)
    const [status] = this.#within(transaction, (turn) => settle(turn, [settlement]))
    if (status === 'settled') return
    const why =
      status === 'cancelled'
        ? 'it was cancelled while it ran'
        : 'its lease ended, or it was settled before'
    throw new LeaseLostError(
      `message ${settlement.claim.id} is not this worker's any more (${why}): roll the transaction back.`,
    )
  }

  announce(): void {
    this.#store.announce()
  }

  #within<T>(transaction: unknown, work: (turn: Turn) => T): T {
    const { library, file } = this.#opened()
    const sql = this.#check(transaction, library, file)
    const turn: Turn = {
      sql,
      now: Math.round(this.#store.around.clock.now()),
      tokens: new Tokens(),
      lines: new ClaimedLines(),
      // Not kept: what is drawn here may be rolled back without our knowing.
      queues: new QueueNumbers(),
      news: { work: false, results: false, cancels: false, locks: false, unfinished: [] },
      maintenance: false,
    }
    try {
      const done = work(turn)
      this.#commits.watch(sql.handle)
      return done
    } catch (error) {
      if (error instanceof QueueFullError || isTaskwrightError(error)) throw error
      throw failureError(describeFailure(error, file))
    }
  }

  #opened(): { library: SqliteLibrary; file: string } {
    const { library, file } = this.#store
    if (library !== undefined) return { library, file }
    throw new NotStartedError('the SQLite transport is not started: await broker.start() first.')
  }

  #check(transaction: unknown, library: SqliteLibrary, file: string): Connection {
    if (!isHandle(transaction, library)) {
      throw new TransactionError(
        `the transaction is not a database handle of ${library.name}, the SQLite library of this transport. Pass the ` +
          "handle itself (of an ORM: what it wraps); if it is another library's, give that library to the transport: " +
          'sqliteTransport({ file, driver }), where `driver` is the module or class that you open it with. Nothing was written.',
      )
    }
    let sql = this.#connections.get(transaction)
    if (sql === undefined) {
      sql = new Connection(transaction)
      this.#connections.set(transaction, sql)
    }
    if (!inTransaction(transaction)) {
      throw new TransactionError(
        'no transaction is open on this handle: begin one (BEGIN IMMEDIATE is best), call this, then commit. Nothing was written.',
      )
    }
    const main = sql
      .all<{ name: string; file: string | null }>('PRAGMA database_list')
      .find(({ name }) => name === 'main')
    const opened = main?.file ?? ''
    const inode = opened === '' ? undefined : inodeOf(opened)
    if (inode === undefined || `sqlite:${inode}` !== storeIdentity(file)) {
      throw new TransactionError(
        `the handle is open on ${opened === '' ? 'a database in memory' : `'${opened}'`}, the transport on '${file}': one ` +
          'transaction needs one file. Open your handle on that file (your tables may live in it). Nothing was written.',
      )
    }
    return sql
  }
}

function isHandle(value: unknown, { Database }: SqliteLibrary): value is SqliteHandle & object {
  return typeof value === 'object' && value !== null && value instanceof Database
}
