/**
 * The guide's acceptance test: a row made in the test's own transaction is seen by the task, and a
 * rollback cleans up. With a real database and a test that overrides one dependency.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { DatabaseSync } from '@photostructure/sqlite'
import {
  TaskContext,
  createBroker,
  createWorker,
  dependency,
  silentLogger,
} from '../../../src/index.ts'
import { sqliteTransport } from '../../../src/sqlite/index.ts'

let folder = ''
let file = ''
const closing: (() => void | Promise<void>)[] = []

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'taskwright-own-'))
  file = join(folder, 'app.db')
  const db = new DatabaseSync(file)
  db.exec('PRAGMA journal_mode = WAL')
  db.exec('CREATE TABLE transcript(id TEXT PRIMARY KEY, status TEXT NOT NULL)')
  db.close()
})
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
  rmSync(folder, { recursive: true, force: true })
})

type Database = InstanceType<typeof DatabaseSync>
const open = (): Database => {
  const db = new DatabaseSync(file)
  closing.push(() => void (db.isOpen && db.close()))
  return db
}
const statuses = (db: Database) => db.prepare('SELECT id, status FROM transcript').all()

/** The program under test: a session of its own for each task, committed when the task succeeds. */
function program(transport: Parameters<typeof createBroker>[0] = 'memory:') {
  const options = typeof transport === 'string' ? { transport } : transport
  const broker = createBroker({ ...options, logger: silentLogger })
  closing.push(() => broker.stop())
  const session = dependency(async function* () {
    const db = open()
    db.exec('BEGIN IMMEDIATE')
    try {
      yield db
      db.exec('COMMIT')
    } catch (error) {
      db.exec('ROLLBACK')
      throw error
    } finally {
      db.close()
    }
  })
  // What the task is about, loaded by what the message says (the guide's `with_session_and_transcript`).
  const transcript = dependency({ session, ctx: TaskContext }, ({ session: db, ctx }) => {
    const row = db.prepare('SELECT id FROM transcript WHERE id = ?').get(String(ctx.args[0]))
    if (row === undefined) throw new Error(`no transcript ${String(ctx.args[0])}`)
    return row as { id: string }
  })
  const finish = broker.task(
    { name: 'transcript.finish', deps: { session, transcript } },
    async ({ session: db, transcript: row }, id: string, fail: boolean) => {
      db.prepare('UPDATE transcript SET status = ? WHERE id = ?').run('ended', row.id)
      if (fail) throw new Error('broken on the way')
      return id
    },
  )
  return { broker, session, finish }
}

describe('a test with its own transaction', () => {
  it('is seen by a task that is called directly, and cleans up by a rollback', async () => {
    const { broker, session, finish } = program()
    const db = open()
    db.exec('BEGIN IMMEDIATE')
    db.prepare('INSERT INTO transcript VALUES (?, ?)').run('t1', 'recording')
    // The session of the program itself would wait for this transaction: the test lends its own.
    broker.dependencyOverrides.setValue(session, db)
    expect(await finish('t1', false)).toBe('t1')
    expect(statuses(db)).toEqual([{ id: 't1', status: 'ended' }])
    // The override is the test's: the task has neither committed nor closed it.
    expect(db.isTransaction).toBe(true)
    expect(statuses(open())).toEqual([])
    db.exec('ROLLBACK')
    expect(statuses(open())).toEqual([])
  })

  it('is seen by a task that a worker runs, failures included', async () => {
    const { broker, session, finish } = program()
    const db = open()
    db.exec('BEGIN IMMEDIATE')
    db.prepare('INSERT INTO transcript VALUES (?, ?)').run('t1', 'recording')
    broker.dependencyOverrides.setValue(session, db)
    const worker = createWorker(broker)
    await worker.start()
    expect(await (await finish.kiq('t1', false)).result()).toBe('t1')
    await expect((await finish.kiq('t1', true)).result()).rejects.toThrow('broken on the way')
    await expect((await finish.kiq('t2', false)).result()).rejects.toThrow('no transcript t2')
    await worker.stop()
    expect(statuses(db)).toEqual([{ id: 't1', status: 'ended' }])
    db.exec('ROLLBACK')
    expect(statuses(open())).toEqual([])
  })

  it('may nest the work of the task in a savepoint that ends with it', async () => {
    const { broker, session, finish } = program()
    const db = open()
    db.exec('BEGIN IMMEDIATE')
    db.prepare('INSERT INTO transcript VALUES (?, ?)').run('t1', 'recording')
    const nested = dependency(async function* () {
      db.exec('SAVEPOINT task')
      try {
        yield db
        db.exec('RELEASE task')
      } catch (error) {
        db.exec('ROLLBACK TO task')
        throw error
      }
    })
    broker.dependencyOverrides.set(session, nested)
    await expect(finish('t1', true)).rejects.toThrow('broken on the way')
    expect(statuses(db)).toEqual([{ id: 't1', status: 'recording' }])
    await finish('t1', false)
    expect(statuses(db)).toEqual([{ id: 't1', status: 'ended' }])
    db.exec('ROLLBACK')
    broker.dependencyOverrides.clear()
    await expect(finish('t1', false)).rejects.toThrow('no transcript t1')
  })
})

describe('the program itself', () => {
  it('commits what succeeded and rolls back what failed', async () => {
    const { broker, finish } = program()
    open().exec("INSERT INTO transcript VALUES ('a', 'recording'), ('b', 'recording')")
    const worker = createWorker(broker, { concurrency: 1 })
    await worker.start()
    await (await finish.kiq('a', false)).result()
    await expect((await finish.kiq('b', true)).result()).rejects.toThrow('broken on the way')
    await worker.stop()
    expect(statuses(open())).toEqual([
      { id: 'a', status: 'ended' },
      { id: 'b', status: 'recording' },
    ])
  })

  it('sends and finishes inside its own transactions on the file of its tables', async () => {
    const mine = join(folder, 'tasks.db')
    const driver = '@photostructure/sqlite'
    const broker = createBroker({
      transport: sqliteTransport({ file: mine, driver }),
      logger: silentLogger,
    })
    closing.push(() => broker.stop())
    const opened: Database[] = []
    const attempts: number[] = []
    const ship = broker.task(
      { name: 'ship', retry: { max: 1, backoff: 1 }, deps: { ctx: TaskContext } },
      async ({ ctx }, order: number) => {
        attempts.push(ctx.attempt)
        const db = opened[0]!
        db.exec('BEGIN IMMEDIATE')
        try {
          db.prepare('UPDATE orders SET shipped = shipped + 1 WHERE id = ?').run(order)
          if (ctx.attempt === 1) throw new Error('on the way')
          await ctx.commit(db, 'shipped')
          db.exec('COMMIT')
        } catch (error) {
          db.exec('ROLLBACK')
          throw error
        }
      },
    )
    await broker.start()
    const db = new DatabaseSync(mine)
    opened.push(db)
    closing.push(() => db.close())
    db.exec('CREATE TABLE orders(id INTEGER PRIMARY KEY, shipped INT NOT NULL)')
    for (const [id, end] of [
      [1, 'ROLLBACK'],
      [2, 'COMMIT'],
    ] as const) {
      db.exec('BEGIN IMMEDIATE')
      db.prepare('INSERT INTO orders VALUES (?, 0)').run(id)
      await ship.kicker().withTransaction(db).withTaskId(`order-${id}`).kiq(id) // prettier-ignore
      db.exec(end)
    }
    const settled: string[] = []
    const worker = createWorker(broker)
    worker.on('task-settled', ({ id, status }) => settled.push(`${id} ${status}`))
    await worker.start()
    expect(await broker.handle('order-2').result({ timeout: '30s' })).toBe('shipped')
    await worker.stop()
    expect(await broker.handle('order-1').status()).toBeNull()
    expect(attempts).toEqual([1, 2])
    expect(settled).toEqual(['order-2 retrying', 'order-2 succeeded'])
    expect(db.prepare('SELECT id, shipped FROM orders').all()).toEqual([{ id: 2, shipped: 1 }])
  })
})
