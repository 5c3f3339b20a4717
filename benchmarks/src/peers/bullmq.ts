import { taskName } from '../message.ts'
import type { Peer } from './peer.ts'
import { connectionOf, importPeer, pause } from './peer-parts.ts'

interface Job {
  readonly data: { readonly text: string }
  waitUntilFinished(events: object): Promise<unknown>
}

/** What we use of it. */
interface BullMq {
  readonly Queue: new (
    name: string,
    options: object,
  ) => {
    add(name: string, data: object): Promise<Job>
    addBulk(jobs: readonly object[]): Promise<unknown>
    close(): Promise<void>
  }
  readonly FlowProducer: new (options: object) => {
    add(flow: object): Promise<{ readonly job: Job }>
    close(): Promise<void>
  }
  readonly QueueEvents: new (
    name: string,
    options: object,
  ) => { waitUntilReady(): Promise<unknown>; close(): Promise<void> }
  readonly Worker: new (
    name: string,
    run: (job: Job) => Promise<null>,
    options: object,
  ) => { on(event: string, listener: () => void): void; close(): Promise<void> }
}

/** BullMQ on Redis: `addBulk`, and jobs removed when they are done unless results are kept. */
export const bullmq: Peer = {
  name: 'bullmq',
  engine: 'redis',
  settings: 'its own defaults; jobs without results are removed when done',
  missing: 'it holds one job for each unit of concurrency, so prefetch says nothing to it',
  scenarios: [
    'enqueue',
    'process',
    'sleepers',
    'round-trip',
    'latency',
    'workflows',
    'backlog',
    'workers',
    'distance',
    'bytes',
    'memory',
  ],
  keepsResults: true,
  async open(place, { results }) {
    const { FlowProducer, Queue, QueueEvents, Worker } = (await importPeer('bullmq')) as BullMq
    const connection = connectionOf(place)
    const defaultJobOptions = { removeOnComplete: !results, removeOnFail: true }
    const queue = new Queue(taskName, { connection, defaultJobOptions })
    const job = (text: string): object => ({ name: taskName, data: { text } })
    let events: InstanceType<BullMq['QueueEvents']> | undefined
    let flows: InstanceType<BullMq['FlowProducer']> | undefined
    const heard = async (): Promise<object> => {
      if (events === undefined) {
        events = new QueueEvents(taskName, { connection })
        await events.waitUntilReady()
      }
      return events
    }
    const node = (children: readonly object[]): object => ({
      name: taskName,
      queueName: taskName,
      data: { text: '' },
      opts: defaultJobOptions,
      children,
    })
    return {
      send: async (text) => void (await queue.add(taskName, { text })),
      sendTogether: async (texts) =>
        void (await Promise.all(texts.map((text) => queue.add(taskName, { text })))),
      sendMany: async (texts) => void (await queue.addBulk(texts.map(job))),
      async request(text) {
        const ready = await heard()
        const sent = await queue.add(taskName, { text })
        await sent.waitUntilFinished(ready)
      },
      // What comes first is the child of what comes after.
      async flow({ kind, steps }) {
        const ready = await heard()
        flows ??= new FlowProducer({ connection })
        const one = Array.from({ length: steps }, () => node([]))
        const last =
          kind === 'chord'
            ? node(one)
            : one.slice(1).reduce<object>((child) => node([child]), node([]))
        const { job: root } = await flows.add(last)
        await root.waitUntilFinished(ready)
      },
      async serve({ concurrency, sleep, onHandled }) {
        let settled = 0
        const run = async ({ data }: Job): Promise<null> => {
          if (sleep > 0) await pause(sleep)
          onHandled(data.text)
          return null
        }
        const worker = new Worker(taskName, run, { connection, concurrency })
        worker.on('completed', () => void settled++)
        return { settled: () => settled, stop: () => worker.close() }
      },
      async close() {
        await events?.close()
        await flows?.close()
        await queue.close()
      },
    }
  },
}
