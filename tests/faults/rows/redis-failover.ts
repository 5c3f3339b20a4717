/** Row 20: the primary dies, and a replica that may not know everything takes its place. */
import { OwnRedis } from '../../support/own-redis.ts'
import type { Anomaly } from '../checker.ts'
import { shortfalls } from '../expectations.ts'
import { row } from '../row.ts'
import { onStage, shortLease, type Stage } from '../stage.ts'
import { pause } from '../worker/pause.ts'

const workers = 4

/** What the replica knows. Replication is asynchronous: what the dead one acknowledged may be missing. */
const lags = {
  /** As much as replication brings. */
  none: async () => {},
  /** Nothing of the last second. */
  second: async (replica: OwnRedis) => {
    replica.cli('REPLICAOF', 'NO', 'ONE')
    await pause(1000)
  },
  /** Messages, but not who holds them: the group was lost, and is made anew from the first message on. */
  group: async (replica: OwnRedis) => {
    replica.cli('REPLICAOF', 'NO', 'ONE')
    replica.cli('XGROUP', 'DESTROY', 'taskiq', 'taskiq')
  },
} as const

/** What is played: how the replica lags, and whether the processes wait for one. */
const plays: readonly {
  readonly name: string
  readonly lag: keyof typeof lags
  readonly wait?: 1
}[] = [
  { name: 'none', lag: 'none' },
  { name: 'second', lag: 'second' },
  { name: 'group', lag: 'group' },
  { name: 'second, wait 1', lag: 'second', wait: 1 },
]

/** What a replica that knows too little brings back. */
const forgetful: readonly Anomaly[] = [
  'lost',
  'doubleSettled',
  'runAfterEnd',
  'staleSettles',
  'overlaps',
]

/** Row 20. */
export const failovers = row({
  id: '20',
  fault: 'failover to a replica; also one that lags, and one that has lost who holds what',
  expected:
    'lost at most what was not replicated; 0 where it was, and with `wait: 1`; nothing stuck',
  engines: ['redis'],
  sizes: { A: { each: 1 }, B: { each: 6 }, C: { each: 60 } },
  async run(options, { each }) {
    const faults: string[] = []
    const facts: Record<string, number> = {}
    let last
    for (const { name, lag, wait } of plays) {
      for (let i = 0; i < each; i++) {
        const { verdict, waited } = await onStage(
          { ...options, seed: options.seed + i },
          { name: `failover-${lag}-${wait ?? 0}`, workers, redis: { proxies: workers, wait } },
          (stage) => failOver(stage, { lag: lags[lag], wait }),
        )
        last = verdict
        const { lost, duplicates } = verdict
        facts[`lost ${name}`] = (facts[`lost ${name}`] ?? 0) + lost.length
        facts[`duplicates ${name}`] = (facts[`duplicates ${name}`] ?? 0) + duplicates
        facts['longest until work goes on ms'] = Math.max(
          facts['longest until work goes on ms'] ?? 0,
          waited,
        )
        const replicated = lag !== 'second' || wait !== undefined
        const allowed = forgetful.filter((one) => !(replicated && one === 'lost'))
        faults.push(
          ...shortfalls(verdict, {
            allowed,
            duplicates,
            allSucceed: replicated,
            also: { [`work goes on within 10 s (${waited} ms)`]: waited <= 10_000 },
          }).map((text) => `${name}: ${text}`),
        )
      }
    }
    return { faults, facts, verdict: last }
  },
})

async function failOver(
  stage: Stage,
  { lag, wait }: { lag: (replica: OwnRedis) => Promise<void>; wait?: number | undefined },
) {
  const { redis } = stage
  // Who waits for a replica has two: one takes over, the other one follows it.
  const [replica, other] = await Promise.all([OwnRedis.start(), OwnRedis.start()])
  try {
    await replica.follow(redis.server)
    await stage.start()
    const sending = stage.sendWork(1200, { over: 4000, batch: 20, ms: 200, unsure: true })
    await pause(1500 + stage.draw(500))
    const heal = stage.cutOff()
    await lag(replica)
    await redis.server.kill()
    replica.cli('REPLICAOF', 'NO', 'ONE')
    for (const proxy of redis.proxies) proxy.lead(replica.port)
    if (wait !== undefined) await other.follow(replica)
    const begun = performance.now()
    const before = settled(stage)
    while (settled(stage) === before && performance.now() - begun < 30_000) await pause(25)
    const waited = Math.round(performance.now() - begun)
    await pause(shortLease)
    heal()
    await sending
    await stage.drain()
    const { verdict } = await stage.judge()
    return { verdict, waited }
  } finally {
    await Promise.all([replica.remove(), other.remove()])
  }
}

function settled(stage: Stage): number {
  return stage.count((e) => e.kind === 'settled' && e.status === 'settled')
}
