import { taskName } from '../message.ts'
import type { Peer } from './peer.ts'
import { importPeer } from './peer-parts.ts'

/** What we use of it. */
interface PlainJob {
  readonly better: (database: object) => object
  readonly defineQueue: (options: object) => {
    add(type: string, data: unknown): unknown
    addMany(type: string, data: readonly unknown[]): unknown
    close(): void
  }
  readonly defineWorker: (
    type: string,
    run: (job: { data: string }) => Promise<void>,
    options: object,
  ) => { start(): Promise<void>; stop(): Promise<void> }
}

const silent = { error() {}, warn() {}, info() {}, debug() {} }

/**
 * plainjob on SQLite, as its own benchmark runs it: `addMany`, and one of its workers for each unit of
 * concurrency. It claims and ends jobs one by one, so prefetch says nothing to it.
 */
export const plainjob: Peer = {
  name: 'plainjob',
  engine: 'sqlite',
  settings:
    'its own: WAL, synchronous=NORMAL; better-sqlite3; one worker object a unit of concurrency',
  missing: 'no results, no leases renewed, no second process woken (it polls every second)',
  scenarios: ['enqueue', 'process', 'sleepers', 'bytes'],
  async open(file) {
    const { better, defineQueue, defineWorker } = (await importPeer('plainjob')) as PlainJob
    const library = (await importPeer('better-sqlite3')) as {
      default: new (file: string) => object
    }
    const queue = defineQueue({ connection: better(new library.default(file)), logger: silent })
    return {
      send: async (text) => void queue.add(taskName, text),
      sendTogether: async (texts) => {
        for (const text of texts) queue.add(taskName, text)
      },
      sendMany: async (texts) => void queue.addMany(taskName, texts),
      async serve({ concurrency, sleep, onHandled }) {
        let settled = 0
        const run = async ({ data }: { data: string }): Promise<void> => {
          if (sleep > 0) await new Promise((resolve) => setTimeout(resolve, sleep))
          onHandled(data)
        }
        const onCompleted = (): void => void settled++
        const workers = Array.from({ length: concurrency }, () =>
          defineWorker(taskName, run, { queue, logger: silent, onCompleted, pollIntervall: 50 }),
        )
        const running = workers.map((worker) => worker.start())
        return {
          settled: () => settled,
          async stop() {
            await Promise.all(workers.map((worker) => worker.stop()))
            await Promise.all(running)
          },
        }
      },
      close: async () => queue.close(),
    }
  },
}
