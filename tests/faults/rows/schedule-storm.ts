/**
 * Row 31 for schedules: many plans made at run time, all due in the same second. All are fired, none early, and
 * no script holds Redis up. Says what loading them costs.
 */
import { availableParallelism, loadavg } from 'node:os'
import { join } from 'node:path'
import {
  createBroker,
  createScheduler,
  silentLogger,
  storeSource,
  systemClock,
  systemRandom,
  type Broker,
  type ScheduleSource,
} from 'taskwright'
import { redisTransport } from 'taskwright/redis'
import { sqliteTransport } from 'taskwright/sqlite'
import { OwnRedis } from '../../support/own-redis.ts'
import type { Outcome } from '../row.ts'
import type { StageOptions } from '../stage.ts'
import { pause } from '../worker/pause.ts'

/** The longest that one script may take on Redis, in microseconds. */
const longestScript = 5000

/** Runs it. */
export async function scheduleStorm(
  { program, log }: Pick<StageOptions, 'program' | 'log'>,
  { engine, plans: count }: { engine: 'sqlite' | 'redis'; plans: number },
): Promise<Outcome> {
  const server =
    engine === 'redis'
      ? await OwnRedis.start([
          '--slowlog-log-slower-than',
          String(longestScript),
          '--slowlog-max-len',
          '1000',
        ])
      : undefined
  const transport =
    server === undefined
      ? sqliteTransport({ file: join(program.scratch('storm'), 'tasks.db') })
      : redisTransport({ url: server.url })
  const broker = createBroker({ transport, logger: silentLogger })
  try {
    broker.task({ name: 'storm', queue: 'storm' }, async (n: number) => void n)
    const source = storeSource(broker)
    await broker.start()
    await source.start({ clock: systemClock, random: systemRandom, logger: silentLogger })
    // Far enough ahead for all of them to be stored and loaded.
    const slot = Math.ceil((Date.now() + 10_000 + count / 2) / 1000) * 1000
    const put = await timed(() => putPlans(source, count, slot))
    log(`${count} plans stored in ${put} ms`)
    const before = memory()
    const scheduler = createScheduler({ broker, sources: [source] })
    const start = await timed(() => scheduler.start())
    const loaded = memory() - before
    log(`started in ${start} ms`)
    if (Date.now() > slot)
      return { faults: ['the plans were due before they were loaded'], facts: {} }
    while (scheduler.counts.fired < count) await pause(50)
    const took = Date.now() - slot
    const { errors, decided } = scheduler.counts
    await scheduler.stop()
    const judged = await judge(broker, { slot, count })
    const scripts = server === undefined ? { faults: [], facts: {} } : await scriptTimes(server.url)
    return {
      faults: [...judged.faults, ...(errors > 0 ? [`${errors} errors`] : []), ...scripts.faults],
      facts: {
        plans: count,
        'stored (ms)': put,
        'start (ms)': start,
        'memory (MB)': Math.round(loaded / 1e6),
        'all fired after (ms)': took,
        'fires/s': Math.round((count / took) * 1000),
        decided,
        ...judged.facts,
        ...scripts.facts,
      },
    }
  } finally {
    await broker.stop()
    await server?.remove()
  }
}

async function putPlans(source: ScheduleSource, count: number, slot: number): Promise<void> {
  const at = new Date(slot)
  const time = [at.getUTCSeconds(), at.getUTCMinutes(), at.getUTCHours(), at.getUTCDate()]
  const cron = [...time, at.getUTCMonth() + 1, '*'].join(' ')
  for (let i = 0; i < count; i += 1000) {
    const some = Array.from({ length: Math.min(1000, count - i) }, (_, j) => i + j)
    await source.put(
      some.map((n) => ({
        id: `storm:${n}`,
        task: 'storm',
        args: [n],
        kwargs: {},
        labels: {},
        cron,
      })),
    )
  }
}

async function judge(
  broker: Broker,
  { slot, count }: { slot: number; count: number },
): Promise<Outcome> {
  const ids = new Set<string>()
  let [early, latest] = [0, 0]
  let after: string | undefined
  for (;;) {
    const page = await broker.inspector.peek('storm', { limit: 1000, after })
    for (const { id, at } of page) {
      ids.add(id)
      if (at < slot) early++
      latest = Math.max(latest, at - slot)
    }
    after = page.at(-1)?.id
    if (page.length < 1000) break
  }
  const lost = count - ids.size
  return {
    faults: [
      ...(lost !== 0 ? [`${lost} of ${count} plans have no message`] : []),
      ...(early > 0 ? [`${early} were fired early`] : []),
    ],
    facts: { 'last one stored after (ms)': latest },
  }
}

/**
 * What the scripts took on Redis, by its own clock, which goes on while a busy machine has stopped it: a script that
 * is too long is a fault unless the plainest of commands were as long. The work of a script is bounded in any case:
 * 25 slots, 256 KiB of messages (`tests/integration/redis/plans.test.ts`).
 */
async function scriptTimes(url: string): Promise<Outcome> {
  const { Redis } = await import('ioredis')
  const client = new Redis(url)
  try {
    const slow = (await client.call('SLOWLOG', 'GET', '-1')) as [number, number, number, string[]][]
    const [script, other] = [/^eval/i, /^(?!eval)/i].map((name) =>
      slow.filter(([, , , [command = '']]) => name.test(command)).map(([, , micros]) => micros),
    )
    const stats = await client.info('commandstats')
    const latency = await client.info('latencystats')
    const [, calls = '0', mean = '0'] =
      /cmdstat_evalsha:calls=(\d+),usec=\d+,usec_per_call=([\d.]+)/.exec(stats) ?? []
    const [, p50 = '0', p99 = '0', p999 = '0'] =
      /latency_percentiles_usec_evalsha:p50=([\d.]+),p99=([\d.]+),p99.9=([\d.]+)/.exec(latency) ??
      []
    const worst = Math.max(0, ...(script ?? []))
    const busy = (other ?? []).length > 0 || (loadavg()[0] ?? 0) > availableParallelism()
    const faults = [
      ...(Number(p99) > longestScript ? [`one in a hundred scripts takes ${p99} µs`] : []),
      ...(worst > 0 && !busy
        ? [`${script?.length} scripts took more than ${longestScript} µs`]
        : []),
    ]
    const facts = {
      scripts: Number(calls),
      'mean (µs)': Number(mean),
      'p50, p99, p99.9 (µs)': `${p50}, ${p99}, ${p999}`,
      [`over ${longestScript} µs by the clock`]: (script ?? []).length,
      'worst of those (µs)': worst,
      'other commands over it': (other ?? []).length,
      'load average': Math.round((loadavg()[0] ?? 0) * 10) / 10,
    }
    return { faults, facts }
  } finally {
    await client.quit()
  }
}

async function timed(work: () => Promise<void>): Promise<number> {
  const begun = performance.now()
  await work()
  return Math.round(performance.now() - begun)
}

function memory(): number {
  globalThis.gc?.()
  return process.memoryUsage().rss
}
