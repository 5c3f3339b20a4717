/** A scheduler process of row 29: one plan of one second, and a word to the parent about who leads. */
import { createBroker, createScheduler, silentLogger, type TransportFactory } from 'taskwright'
import { redisTransport } from 'taskwright/redis'
import { sqliteTransport } from 'taskwright/sqlite'

/** What such a process is told, as JSON in SCHEDULER_PLAN. */
export interface SchedulerPlan {
  readonly store:
    | { readonly kind: 'sqlite'; readonly file: string }
    | { readonly kind: 'redis'; readonly url: string; readonly prefix: string }
  /** Milliseconds. */
  readonly lease: number
}

/** What it says to its parent ten times a second. */
export interface SchedulerWord {
  readonly leads: boolean
  readonly fired: number
  readonly errors: number
}

/** The transport of a plan. */
export function transportOf({ store }: SchedulerPlan): TransportFactory {
  return store.kind === 'sqlite'
    ? sqliteTransport({ file: store.file })
    : redisTransport({ url: store.url, prefix: store.prefix, resultPrefix: store.prefix })
}

const given = process.env['SCHEDULER_PLAN']
if (given !== undefined) await main(JSON.parse(given) as SchedulerPlan)

async function main(plan: SchedulerPlan): Promise<void> {
  const broker = createBroker({ transport: transportOf(plan), logger: silentLogger })
  const misfire = { policy: 'all', within: '10m' } as const
  broker.task(
    { name: 'tick', schedule: [{ every: '1s', misfire }], queue: 'ticks' },
    async () => {},
  )
  const scheduler = createScheduler({ broker, lease: plan.lease })
  process.on('SIGTERM', () => {
    void scheduler
      .stop()
      .then(() => broker.stop())
      .then(() => process.exit(0))
  })
  process.on('disconnect', () => process.exit(1))
  await scheduler.start()
  setInterval(() => {
    const { fired, errors } = scheduler.counts
    process.send?.({ leads: scheduler.leads, fired, errors } satisfies SchedulerWord)
  }, 100)
}
