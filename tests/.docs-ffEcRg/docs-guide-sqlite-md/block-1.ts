import { DatabaseSync } from '@photostructure/sqlite'
import { createBroker, createWorker, TaskContext } from 'taskwright'
import { sqliteTransport } from 'taskwright/sqlite'

const driver = '@photostructure/sqlite' // the library that you open the file with
const broker = createBroker({ transport: sqliteTransport({ file: './shop.db', driver }) })
const ship = broker.task(
  { name: 'ship', deps: { ctx: TaskContext } },
  async ({ ctx }, order: number) => {
    db.exec('BEGIN IMMEDIATE')
    try {
      db.prepare('UPDATE orders SET shipped = 1 WHERE id = ?').run(order)
      await ctx.commit(db, 'shipped') // last, before COMMIT: throws when this run is not ours any more
      db.exec('COMMIT')
    } catch (error) {
      if (db.isTransaction) db.exec('ROLLBACK')
      throw error
    }
  },
)
await broker.start() // makes the file

const db = new DatabaseSync('./shop.db')
db.exec('CREATE TABLE IF NOT EXISTS orders(id INTEGER PRIMARY KEY, shipped INT)')

db.exec('BEGIN IMMEDIATE')
const { lastInsertRowid } = db.prepare('INSERT INTO orders(shipped) VALUES (0)').run()
const handle = await ship.kicker().withTransaction(db).kiq(Number(lastInsertRowid))
db.exec('COMMIT') // from here on the order is there and so is the message; after a ROLLBACK, neither

await using worker = createWorker(broker)
await worker.start()
console.log(await handle.result({ timeout: '30s' })) // shipped
await worker.stop()
db.close()
await broker.stop()
export {}
