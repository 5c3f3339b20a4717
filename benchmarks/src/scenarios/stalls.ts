/** How long one call holds Redis, which serves nobody else meanwhile. */
import { Redis } from 'ioredis'
import { createWorker, type Broker } from 'taskwright'
import { payload, taskName } from '../message.ts'
import { onFreshStore, type Line, type Sample, type Scenario } from '../scenario.ts'
import { median } from '../statistics.ts'

/** The queue of a broker on Redis: TaskIQ's. */
const queueName = 'taskiq'
/** How often each call is made. */
const times = 15
const batch = 1000
/** What is told of a worker. */
const work = ['work', 'work p99']
/** Milliseconds for which a worker works. */
const worked = 3000

/** What a line works with. */
interface Stage {
  readonly broker: Broker
  readonly client: Redis
  readonly send: (count: number, later?: boolean) => Promise<readonly string[]>
}

/**
 * The longest command of each call, in milliseconds of the server's own log: the median over some calls, and
 * for a worker over all that it does. On a busy machine the log counts what other programs took.
 */
export const stalls: Scenario = {
  name: 'stalls',
  title: 'Stalls: the longest command of a call, in ms, while so many messages are stored',
  onRequest: true,
  lines: (size) => {
    const stored = size(1_000_000)
    const line = (
      label: string,
      shown: readonly string[],
      look: (stage: Stage) => Promise<Readonly<Record<string, number>>>,
    ): Line => ({
      label,
      concurrency: null,
      prefetch: null,
      results: false,
      tasks: stored,
      rounds: 1,
      shown,
      takesPart: ({ peer, engine }) => peer === 'taskwright' && engine.isServer === true,
      run: (bench, contender) =>
        onFreshStore(bench, contender, async (place): Promise<Sample> => {
          const broker = contender.engine.broker(place, { results: false })
          const noop = broker.task(taskName, async (_text: string) => {})
          const client = new Redis(place)
          try {
            await broker.start()
            await client.config('SET', 'slowlog-max-len', '100000')
            await client.config('SET', 'slowlog-log-slower-than', '0')
            const send: Stage['send'] = async (count, later = false) => {
              const texts = Array.from({ length: count }, () => payload)
              const handles = await (later
                ? Promise.all(texts.map((text) => noop.kicker().withDelay('1h').kiq(text)))
                : noop.kiqMany(texts.map((text): [string] => [text])))
              return handles.map(({ taskId }) => taskId)
            }
            return { facts: await look({ broker, client, send }) }
          } finally {
            await client.config('SET', 'slowlog-log-slower-than', '-1')
            await broker.stop()
            await client.quit()
          }
        }),
    })
    return [
      line(
        `${stored.toLocaleString('en')} queued`,
        ['page', 'middle', 'end', 'states', 'counts', 'send 1,000', 'send 1,000 later', ...work],
        (stage) => queued(stage, stored),
      ),
      line(
        `${stored.toLocaleString('en')} for later, then due at once`,
        ['page', 'scheduled', 'middle', 'states', 'counts', 'due: page', 'due: counts', ...work],
        (stage) => later(stage, stored),
      ),
    ]
  },
}

async function queued(stage: Stage, stored: number): Promise<Record<string, number>> {
  const ids = await fill(stage, stored)
  const { inspector } = stage.broker
  const at = (share: number): string => ids[Math.floor(share * (ids.length - 1))] ?? ''
  const peek = (after?: string) => () => inspector.peek(queueName, { limit: 100, after })
  return {
    page: await longest(stage, peek()),
    middle: await longest(stage, peek(at(0.5))),
    end: await longest(stage, peek(at(0.9999))),
    states: await longest(stage, () => inspector.states([at(0.1), at(0.6), at(1)])),
    counts: await longest(stage, () => inspector.queues()),
    'send 1,000': await longest(stage, () => stage.send(batch)),
    'send 1,000 later': await longest(stage, () => stage.send(batch, true)),
    ...(await ofWork(stage)),
  }
}

async function later(stage: Stage, stored: number): Promise<Record<string, number>> {
  const ids = await fill(stage, stored, true)
  const { inspector } = stage.broker
  const middle = ids[ids.length >> 1] ?? ''
  const seen = {
    page: await longest(stage, () => inspector.peek(queueName, { limit: 100 })),
    scheduled: await longest(stage, () => inspector.scheduled(queueName, { limit: 100 })),
    middle: await longest(stage, () =>
      inspector.scheduled(queueName, { limit: 100, after: middle }),
    ),
    states: await longest(stage, () => inspector.states(ids.slice(0, 100))),
    counts: await longest(stage, () => inspector.queues()),
  }
  // All of them are due now.
  const delayed = `{${queueName}}:tw:delayed`
  await stage.client.zunionstore(delayed, 1, delayed, 'WEIGHTS', 0)
  return {
    ...seen,
    'due: page': await longest(stage, () => inspector.peek(queueName, { limit: 100 })),
    'due: counts': await longest(stage, () => inspector.queues()),
    ...(await ofWork(stage)),
  }
}

async function fill({ client, send }: Stage, count: number, isLater = false): Promise<string[]> {
  await client.config('SET', 'slowlog-log-slower-than', '-1')
  const ids: string[] = []
  for (let sent = 0; sent < count; sent += batch) ids.push(...(await send(batch, isLater)))
  await client.config('SET', 'slowlog-log-slower-than', '0')
  return ids
}

/** The longest command of a call: the median over some of them. */
async function longest({ client }: Stage, call: () => Promise<unknown>): Promise<number> {
  const all: number[] = []
  for (let i = 0; i < times; i++) {
    await client.slowlog('RESET')
    await call()
    all.push(Math.max(0, ...(await logged(client)).map(({ ms }) => ms)))
  }
  return median(all)
}

/** A worker at full speed: the longest of its scripts, and of all but one in a hundred. */
async function ofWork({ broker, client }: Stage): Promise<{ work: number; 'work p99': number }> {
  await client.slowlog('RESET')
  const worker = createWorker(broker, { concurrency: 100, prefetch: 100 })
  await worker.start()
  await new Promise((resolve) => setTimeout(resolve, worked))
  const scripts = (await logged(client)).filter(({ name }) => /^eval/i.test(name))
  await worker.stop()
  const all = scripts.map(({ ms }) => ms).sort((a, b) => a - b)
  return { work: all.at(-1) ?? 0, 'work p99': all[Math.floor(all.length * 0.99)] ?? 0 }
}

/** Each command since the log was emptied, but for what is asked about the log, and what waits for messages. */
async function logged(client: Redis): Promise<{ name: string; ms: number }[]> {
  const entries = (await client.slowlog('GET', '-1')) as [number, number, number, string[]][]
  return entries
    .map(([, , micros, [name = '']]) => ({ name, ms: micros / 1000 }))
    .filter(({ name }) => !/^(?:slowlog|config|xreadgroup)$/i.test(name))
}
