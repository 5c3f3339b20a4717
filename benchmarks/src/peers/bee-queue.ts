import { taskName } from '../message.ts'
import type { Peer } from './peer.ts'
import { connectionOf, importPeer, pause } from './peer-parts.ts'

interface Job {
  readonly data: { readonly text: string }
  save(): Promise<Job>
  on(event: string, listener: () => void): void
}

interface BeeQueue {
  createJob(data: object): Job
  saveAll(jobs: readonly Job[]): Promise<Map<Job, Error>>
  ready(): Promise<unknown>
  process(concurrency: number, run: (job: Job) => Promise<null>): void
  on(event: string, listener: () => void): void
  close(timeout: number): Promise<void>
}

/** Milliseconds after which a result that was not told is taken to be lost: it tells once, or not at all. */
const lostAfter = 250

/** bee-queue on Redis, with all that it can leave out left out. */
export const beeQueue: Peer = {
  name: 'bee-queue',
  engine: 'redis',
  settings: 'no stored jobs, no stalled-job timer, jobs without results are removed when done',
  missing: 'it loses the event of a result now and then: such a round trip is cut off at 250 ms',
  scenarios: [
    'enqueue',
    'process',
    'sleepers',
    'round-trip',
    'latency',
    'backlog',
    'workers',
    'distance',
    'bytes',
    'memory',
  ],
  keepsResults: true,
  async open(place, { results }) {
    const { default: Queue } = (await importPeer('bee-queue')) as {
      default: new (name: string, options: object) => BeeQueue
    }
    const make = (options: object): BeeQueue =>
      new Queue(taskName, {
        redis: connectionOf(place),
        storeJobs: false,
        isWorker: false,
        getEvents: false,
        sendEvents: results,
        removeOnSuccess: !results,
        ...options,
      })
    const queue = make({ getEvents: results, storeJobs: results })
    await queue.ready()
    const save = async (text: string): Promise<Job> => queue.createJob({ text }).save()
    return {
      send: async (text) => void (await save(text)),
      sendTogether: async (texts) => void (await Promise.all(texts.map(save))),
      async sendMany(texts) {
        const errors = await queue.saveAll(texts.map((text) => queue.createJob({ text })))
        if (errors.size > 0) throw new Error('bee-queue could not save all jobs')
      },
      async request(text) {
        const job = queue.createJob({ text })
        const done = new Promise<void>((resolve) => job.on('succeeded', () => resolve()))
        await job.save()
        await Promise.race([done, pause(lostAfter)])
      },
      async serve({ concurrency, sleep, onHandled }) {
        let settled = 0
        const worker = make({ isWorker: true })
        worker.on('succeeded', () => void settled++)
        worker.process(concurrency, async ({ data }) => {
          if (sleep > 0) await pause(sleep)
          onHandled(data.text)
          return null
        })
        return { settled: () => settled, stop: () => worker.close(5000) }
      },
      close: () => queue.close(5000),
    }
  },
}
