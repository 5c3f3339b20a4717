/** How long one call holds Redis, which serves nobody else meanwhile. */
import { readFileSync } from 'node:fs'
import { Redis } from 'ioredis'
import { silentLogger, systemClock, systemRandom, type Broker } from 'taskwright'
import { redisTransport } from 'taskwright/redis'
import { lease, payload, taskName } from '../message.ts'
import { onFreshStore, type Line, type Sample, type Scenario } from '../scenario.ts'
import { median } from '../statistics.ts'

/** The queue of a broker on Redis: TaskIQ's. */
const queueName = 'taskiq'
/** How often each call is made. */
const times = 15
/** Messages of one call; of those for later so many go in one command. */
const batch = 1000
const piece = 200
/** Claims of a hundred that are made one after the other. */
const claims = 60

/** What a line works with. */
interface Stage {
  readonly broker: Broker
  readonly client: Redis
  readonly place: string
  /** CPU of the server until now, in milliseconds. */
  readonly cpu: () => number
  readonly send: (count: number, isLater?: boolean) => Promise<readonly string[]>
}

type Facts = Readonly<Record<string, number>>

/**
 * What a call costs the server, in milliseconds of its CPU: the median over some calls, the most for claims. A
 * call that takes several commands holds it for less than that at a time.
 */
export const stalls: Scenario = {
  name: 'stalls',
  title:
    'Stalls: milliseconds of CPU that one call takes of Redis, while so many messages are stored',
  onRequest: true,
  lines: (size) => {
    const stored = size(1_000_000)
    const line = (
      label: string,
      shown: readonly string[],
      look: (stage: Stage) => Promise<Facts>,
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
          const pid = contender.engine.process?.() ?? 0
          const cpu = (): number =>
            Number(readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[0]) / 1e6
          try {
            await broker.start()
            const send: Stage['send'] = async (count, isLater = false) => {
              const texts = Array.from({ length: count }, () => payload)
              const handles = await (isLater
                ? Promise.all(texts.map((text) => noop.kicker().withDelay('1h').kiq(text)))
                : noop.kiqMany(texts.map((text): [string] => [text])))
              return handles.map(({ taskId }) => taskId)
            }
            return { facts: await look({ broker, client, place, cpu, send }) }
          } finally {
            await broker.stop()
            await client.quit()
          }
        }),
    })
    const sends = ['send 1,000', 'send 200 later']
    const pages = ['page', 'middle', 'states', 'counts']
    return [
      line(
        `${stored.toLocaleString('en')} queued`,
        [...pages, 'end', ...sends, 'claim', 'most of a claim'],
        (stage) => queued(stage, stored),
      ),
      line(
        `${stored.toLocaleString('en')} for later, then due at once`,
        [...pages, 'scheduled', 'due: page', 'due: counts', 'claim', 'most of a claim'],
        (stage) => later(stage, stored),
      ),
    ]
  },
}

async function queued(stage: Stage, stored: number): Promise<Facts> {
  const ids = await fill(stage, stored)
  const { inspector } = stage.broker
  const at = (share: number): string => ids[Math.floor(share * (ids.length - 1))] ?? ''
  const peek = (after?: string) => () => inspector.peek(queueName, { limit: 100, after })
  return {
    page: await cost(stage, peek()),
    middle: await cost(stage, peek(at(0.5))),
    end: await cost(stage, peek(at(0.9999))),
    states: await cost(stage, () => inspector.states([at(0.1), at(0.6), at(1)])),
    counts: await cost(stage, () => inspector.queues()),
    'send 1,000': await cost(stage, () => stage.send(batch)),
    'send 200 later': await cost(stage, () => stage.send(piece, true)),
    ...(await ofClaims(stage)),
  }
}

async function later(stage: Stage, stored: number): Promise<Facts> {
  const ids = await fill(stage, stored, true)
  const { inspector } = stage.broker
  const middle = ids[ids.length >> 1] ?? ''
  const seen = {
    page: await cost(stage, () => inspector.peek(queueName, { limit: 100 })),
    scheduled: await cost(stage, () => inspector.scheduled(queueName, { limit: 100 })),
    middle: await cost(stage, () => inspector.scheduled(queueName, { limit: 100, after: middle })),
    states: await cost(stage, () => inspector.states(ids.slice(0, 100))),
    counts: await cost(stage, () => inspector.queues()),
  }
  // All of them are due now.
  const delayed = `{${queueName}}:tw:delayed`
  await stage.client.zunionstore(delayed, 1, delayed, 'WEIGHTS', 0)
  return {
    ...seen,
    'due: page': await cost(stage, () => inspector.peek(queueName, { limit: 100 })),
    'due: counts': await cost(stage, () => inspector.queues()),
    ...(await ofClaims(stage)),
  }
}

async function fill({ send }: Stage, count: number, isLater = false): Promise<string[]> {
  const ids: string[] = []
  for (let sent = 0; sent < count; sent += batch) ids.push(...(await send(batch, isLater)))
  return ids
}

/** What a call costs: the median over some of them. */
async function cost({ cpu }: Stage, call: () => Promise<unknown>): Promise<number> {
  const all: number[] = []
  for (let i = 0; i < times; i++) {
    const before = cpu()
    await call()
    all.push(cpu() - before)
  }
  return median(all)
}

/** Claims of a hundred messages, each by one script, which also moves what is due. */
async function ofClaims({ place, cpu }: Stage): Promise<Facts> {
  const around = { clock: systemClock, random: systemRandom, logger: silentLogger }
  const { transport } = redisTransport({ url: place }).create(around)
  await transport.start()
  const { signal } = new AbortController()
  const all: number[] = []
  for (let i = 0; i < claims; i++) {
    const before = cpu()
    await transport.receive({ queues: [queueName], room: 100, lease, signal, wait: 0 })
    all.push(cpu() - before)
  }
  await transport.stop()
  return { claim: median(all), 'most of a claim': Math.max(...all) }
}
