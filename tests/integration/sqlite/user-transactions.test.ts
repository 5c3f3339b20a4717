import { describe, expect, it } from 'vitest'
import {
  LeaseLostError,
  QueueFullError,
  StoreError,
  TransactionError,
} from '../../../src/core/errors.ts'
import type { SqliteHandle, SqliteStatement, SqlValue } from '../../../src/sqlite/index.ts'
import {
  library,
  look,
  message,
  succeeded,
  transactionsOf,
  useSqliteFolder,
} from './sqlite-fixture.ts'

const sqlite = useSqliteFolder()

/** The shape of better-sqlite3 over our own library: a class that is called with a file, and `inTransaction`. */
class BetterShape implements SqliteHandle {
  readonly #inner: SqliteHandle

  constructor(file: string) {
    this.#inner = new library.Database(file)
  }

  get inTransaction(): boolean {
    return this.#inner.isTransaction ?? false
  }

  exec(sql: string): this {
    this.#inner.exec(sql)
    return this
  }

  prepare(sql: string): SqliteStatement {
    // It takes numbered parameters for named ones.
    if (/\?\d/.test(sql)) throw new RangeError('Too many parameter values were provided')
    const statement = this.#inner.prepare(sql)
    const returns = /^\s*(SELECT|PRAGMA)|RETURNING/i.test(sql)
    return {
      run(...values: SqlValue[]) {
        if (returns)
          throw new TypeError('This statement returns data. Use get(), all(), or iterate() instead')
        return statement.run(...values)
      },
      get(...values: SqlValue[]) {
        if (!returns) throw new TypeError('This statement does not return data. Use run() instead')
        return statement.get(...values)
      },
      all(...values: SqlValue[]) {
        if (!returns) throw new TypeError('This statement does not return data. Use run() instead')
        return statement.all(...values)
      },
    }
  }

  close(): this {
    this.#inner.close()
    return this
  }
}

describe.each([
  { name: 'on the main thread', thread: false },
  { name: 'beside a database thread', thread: true },
])('user transactions $name', ({ thread }) => {
  it('send with the commit, and not without it', async () => {
    const open = await sqlite.open({ thread })
    const db = sqlite.handle()
    db.exec('CREATE TABLE orders(id INTEGER PRIMARY KEY)')
    const [kept, dropped] = [message(), message({ body: new Uint8Array(3000) })]
    db.exec('BEGIN; INSERT INTO orders DEFAULT VALUES')
    expect(transactionsOf(open).sendWithin(db, [dropped])).toEqual(['stored'])
    db.exec('ROLLBACK')
    expect(await look(open.transport)).toEqual([])
    db.exec('BEGIN; INSERT INTO orders DEFAULT VALUES')
    expect(transactionsOf(open).sendWithin(db, [kept, kept])).toEqual(['stored', 'known'])
    const waiting = look(open.transport, 1, 60_000)
    const begun = performance.now()
    db.exec('COMMIT')
    expect((await waiting).map(({ id }) => id)).toEqual([kept.id])
    // Found by its commit, not by the poll of a second.
    expect(performance.now() - begun).toBeLessThan(900)
    expect(db.prepare('SELECT count(*) AS n FROM orders').get()).toMatchObject({ n: 1 })
  })

  it('settle with the commit, result included, and not without it', async () => {
    const open = await sqlite.open({ thread })
    const db = sqlite.handle()
    await open.transport.send([message()])
    const [claim] = await look(open.transport)
    if (claim === undefined) throw new Error('nothing was received')
    const settlement = succeeded(claim, {
      result: { id: claim.id, body: 'done', expiresIn: 60_000 },
    })
    db.exec('BEGIN IMMEDIATE')
    transactionsOf(open).settleWithin(db, settlement)
    db.exec('ROLLBACK')
    expect(await open.results.get([claim.id])).toEqual([null])
    db.exec('BEGIN IMMEDIATE')
    transactionsOf(open).settleWithin(db, settlement)
    db.exec('COMMIT')
    expect(await open.results.get([claim.id])).toEqual(['done'])
    expect(await open.transport.settle([settlement])).toEqual(['gone'])
  })
})

describe('user transactions', () => {
  it('refuse to settle what another worker holds', async () => {
    const open = await sqlite.open()
    const db = sqlite.handle()
    await open.transport.send([message()])
    const [claim] = await look(open.transport)
    if (claim === undefined) throw new Error('nothing was received')
    await open.transport.release([claim])
    db.exec('BEGIN')
    expect(() => transactionsOf(open).settleWithin(db, succeeded(claim))).toThrow(LeaseLostError)
    db.exec('ROLLBACK')
  })

  it('keep to the cap of a queue', async () => {
    const open = await sqlite.open()
    await open.transport.configureQueues({ default: { cap: 1 } })
    const db = sqlite.handle()
    db.exec('BEGIN')
    expect(() => transactionsOf(open).sendWithin(db, [message(), message()])).toThrow(
      QueueFullError,
    )
    expect(transactionsOf(open).sendWithin(db, [message()])).toEqual(['stored'])
    db.exec('COMMIT')
    expect(await look(open.transport)).toHaveLength(1)
  })

  it('refuse a handle without a transaction, of another file, and of another library', async () => {
    const open = await sqlite.open()
    const { sendWithin } = transactionsOf(open)
    const send = (handle: unknown) => () => sendWithin(handle, [message()])
    expect(send(sqlite.handle())).toThrow(TransactionError)
    const other = sqlite.handle(sqlite.path('other.db'))
    other.exec('BEGIN')
    expect(send(other)).toThrow(/one transaction needs one file/)
    const memory = sqlite.handle(':memory:')
    memory.exec('BEGIN')
    expect(send(memory)).toThrow(/a database in memory/)
    for (const handle of [undefined, null, {}, 'tx', new BetterShape(sqlite.path('other.db'))]) {
      expect(send(handle)).toThrow(/sqliteTransport\(\{ file, driver \}\)/)
    }
    expect(await look(open.transport)).toEqual([])
  })

  it('wait without blocking the loop while one is open across an await', async () => {
    const open = await sqlite.open()
    const db = sqlite.handle()
    db.exec('BEGIN IMMEDIATE')
    const sent = open.transport.send([message()])
    // The send meets the lock in the microtasks of this turn; the loop turns on beside it.
    for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve))
    db.exec('COMMIT')
    expect(await sent).toEqual(['stored'])
  })
})

describe('a driver of the shape of better-sqlite3', () => {
  it('serves the whole engine and its own transactions', async () => {
    const open = await sqlite.open({ driver: BetterShape })
    const sent = message({ body: 'x'.repeat(3000) })
    await open.transport.send([sent])
    const [claim] = await look(open.transport)
    if (claim === undefined) throw new Error('nothing was received')
    const db = new BetterShape(sqlite.file)
    db.exec('BEGIN')
    transactionsOf(open).settleWithin(db, succeeded(claim))
    expect(transactionsOf(open).sendWithin(db, [message({ id: 'next' })])).toEqual(['stored'])
    db.exec('COMMIT').close()
    expect((await look(open.transport)).map(({ id }) => id)).toEqual(['next'])
  })

  it('is refused for the thread, which an object cannot reach', async () => {
    const { transport } = sqlite.create({ driver: BetterShape, thread: true })
    await expect(transport.start()).rejects.toThrow(/give the name of its module/)
  })
})

describe('two SQLite libraries on one file in one process', () => {
  it('are refused, until the first is closed', async () => {
    const first = await sqlite.open()
    const second = sqlite.create({ driver: BetterShape })
    await expect(second.transport.start()).rejects.toThrow(StoreError)
    await expect(second.transport.start()).rejects.toThrow(/lose each other/)
    await first.transport.stop()
    await first.results.stop()
    await second.transport.start()
    await second.transport.send([message()])
  })
})
