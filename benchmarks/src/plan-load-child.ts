/** One process of `plan-load.ts`: stores plans, or starts a scheduler on them and says what that took. */
import {
  createBroker,
  createScheduler,
  silentLogger,
  storeSource,
  systemClock,
  systemRandom,
  type Broker,
  type SchedulePlan,
  type ScheduleSource,
} from 'taskwright'
import { redisScheduleSource, redisTransport } from 'taskwright/redis'
import { sqliteTransport } from 'taskwright/sqlite'

/** Milliseconds and bytes. */
export interface LoadedPlans {
  readonly plans: number
  readonly wall: number
  readonly cpu: number
  /** What the process grew by. */
  readonly memory: number
  readonly peak: number
}

const [what, kind, place = '', many] = process.argv.slice(2)
const count = Number(many)
const broker = createBroker({
  transport: kind === 'sqlite' ? sqliteTransport({ file: place }) : redisTransport({ url: place }),
  logger: silentLogger,
})
broker.task('greet', async (name: string) => void name)
const source =
  kind === 'taskiq'
    ? redisScheduleSource({ url: place, layout: 'taskiq', serializer: 'json' })
    : storeSource(broker)
await broker.start()
const answer = what === 'fill' ? await fill(source) : await start(broker, source)
await broker.stop()
await source.stop()
console.log(JSON.stringify(answer))

/** A plan a day, spread over its minutes: as a program has it that plans a report for each of its customers. */
function plan(n: number): SchedulePlan {
  return {
    id: n.toString(16).padStart(32, '0'),
    task: 'greet',
    args: [`customer ${n}`],
    kwargs: {},
    labels: { tenant: `t${n % 1000}` },
    cron: `${n % 60} ${Math.floor(n / 60) % 24} * * *`,
    dialect: 'taskiq',
  }
}

async function fill(into: ScheduleSource): Promise<{ plans: number }> {
  await into.start({ clock: systemClock, random: systemRandom, logger: silentLogger })
  for (let i = 0; i < count; i += 1000)
    await into.put(Array.from({ length: Math.min(1000, count - i) }, (_, j) => plan(i + j)))
  return { plans: count }
}

async function start(through: Broker, from: ScheduleSource): Promise<LoadedPlans> {
  globalThis.gc?.()
  const [before, began, spent] = [process.memoryUsage.rss(), performance.now(), process.cpuUsage()]
  const scheduler = createScheduler({ broker: through, sources: [from] })
  await scheduler.start()
  const wall = performance.now() - began
  const { user, system } = process.cpuUsage(spent)
  globalThis.gc?.()
  const memory = process.memoryUsage.rss() - before
  await scheduler.stop()
  return {
    plans: count,
    wall,
    cpu: (user + system) / 1000,
    memory,
    peak: process.resourceUsage().maxRSS * 1024,
  }
}
