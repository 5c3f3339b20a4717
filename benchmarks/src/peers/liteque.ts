import type { Peer } from './peer.ts'
import { importPeer } from './peer-parts.ts'

/** What we use of it. */
interface Liteque {
  readonly buildDBClient: (file: string, options: object) => object
  readonly SqliteQueue: new (
    name: string,
    database: object,
    options: object,
  ) => { enqueue(payload: object): Promise<unknown> }
}

const cannotRun =
  'its runner does not run with better-sqlite3 12.4.1: "Transaction function cannot return a promise"'

/** liteque on SQLite: only its enqueue runs with the SQLite library that runs on Node 20 to 24. */
export const liteque: Peer = {
  name: 'liteque',
  engine: 'sqlite',
  settings: 'its own: WAL, synchronous=NORMAL; better-sqlite3 through drizzle',
  missing: `processing: ${cannotRun}; it has no bulk call`,
  scenarios: ['enqueue'],
  async open(file) {
    const { buildDBClient, SqliteQueue } = (await importPeer('liteque')) as Liteque
    const database = buildDBClient(file, { runMigrations: true })
    const queue = new SqliteQueue('noop', database, {
      defaultJobArgs: { numRetries: 0 },
      keepFailedJobs: false,
    })
    return {
      send: async (text) => void (await queue.enqueue({ text })),
      sendTogether: async (texts) =>
        void (await Promise.all(texts.map((text) => queue.enqueue({ text })))),
      sendMany: () => Promise.reject(new Error('liteque has no bulk call')),
      serve: () => Promise.reject(new Error(cannotRun)),
      close: async () => {},
    }
  },
}
