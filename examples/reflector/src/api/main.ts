/** The application: `node --import jiti/register src/api/main.ts [port]`. Brings the tables up to date first. */
import { broker } from '../broker.ts'
import { migrate } from '../data/migrations.ts'
import { workshop } from '../tasks/dependencies.ts'
import { startServer } from './server.ts'

const port = Number(process.argv[2] ?? process.env['PORT'] ?? 3000)
const shop = await broker.scope(async (resolve) => (await resolve({ workshop })).workshop)
await migrate(shop.db)
await broker.start()
const server = await startServer(shop, port)
console.log(`listening on ${server.url}`)

let stopping = false
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    if (stopping) process.exit(1)
    stopping = true
    void server
      .stop()
      .then(() => broker.stop())
      .then(() => process.exit(0))
  })
}
