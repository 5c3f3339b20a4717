import { taskName } from '../message.ts'
import type { Peer } from './peer.ts'
import { importPeer, pause } from './peer-parts.ts'

/** What we use of it. */
interface GroupMq {
  readonly Queue: new (options: object) => {
    add(job: object): Promise<unknown>
    close(): Promise<void>
  }
  readonly Worker: new (options: object) => {
    on(event: string, listener: () => void): void
    run(): Promise<void>
    close(): Promise<void>
  }
}

/** It runs one job of a group at a time: with fewer groups than jobs in flight it would wait. */
const groups = 500

/** groupmq on Redis: its adds batched as it offers. */
export const groupmq: Peer = {
  name: 'groupmq',
  engine: 'redis',
  settings: `${groups} groups; bulk is its own batching of adds, 1,000 each`,
  missing: 'results: it tells nobody that a job is done',
  scenarios: [
    'enqueue',
    'process',
    'sleepers',
    'latency',
    'workers',
    'distance',
    'bytes',
    'memory',
  ],
  async open(place) {
    const { Queue, Worker } = (await importPeer('groupmq')) as GroupMq
    const { Redis } = (await importPeer('ioredis')) as {
      Redis: new (url: string, options: object) => { disconnect(): void }
    }
    const client = new Redis(place, { maxRetriesPerRequest: null })
    const options = { redis: client, namespace: taskName }
    const queue = new Queue(options)
    const batched = new Queue({ ...options, autoBatch: { size: 1000, maxWaitMs: 1 } })
    let added = 0
    const job = (text: string): object => ({ groupId: `g${added++ % groups}`, data: { text } })
    return {
      send: async (text) => void (await queue.add(job(text))),
      sendTogether: async (texts) =>
        void (await Promise.all(texts.map((text) => queue.add(job(text))))),
      sendMany: async (texts) =>
        void (await Promise.all(texts.map((text) => batched.add(job(text))))),
      async serve({ concurrency, sleep, onHandled }) {
        let settled = 0
        const handler = async ({ data }: { data: { text: string } }): Promise<null> => {
          if (sleep > 0) await pause(sleep)
          onHandled(data.text)
          return null
        }
        const worker = new Worker({ queue, concurrency, handler })
        worker.on('completed', () => void settled++)
        void worker.run()
        return { settled: () => settled, stop: () => worker.close() }
      },
      async close() {
        await queue.close()
        client.disconnect()
      },
    }
  },
}
