/** A worker process of row 31: limited and ordered tasks that write down when they begin and end. */
import { appendFileSync } from 'node:fs'
import {
  createBroker,
  createWorker,
  silentLogger,
  TaskContext,
  type Broker,
  type Task,
  type TransportFactory,
} from 'taskwright'
import { redisTransport } from 'taskwright/redis'
import { sqliteTransport } from 'taskwright/sqlite'
import { pause } from './pause.ts'

/** What such a process is told, as JSON in LIMITS_PLAN. */
export interface LimitsPlan {
  readonly store:
    | { readonly kind: 'sqlite'; readonly file: string }
    | { readonly kind: 'redis'; readonly url: string; readonly prefix: string }
  /** Where it is written down: `S` and `E` lines, appended whole. */
  readonly journal: string
  /** Milliseconds. */
  readonly lease: number
  /** The control: permits that nobody times out, taken by the handler itself. */
  readonly endless: boolean
  /** The control: tenants without fairness. */
  readonly unfair: boolean
}

const mostLimit = 10

/** The limit of the task to which the `n`-th call goes: 1 to 10 by turns. */
export const limitOf = (n: number): number => 1 + (n % mostLimit)

/** The tasks of the row. */
export interface LimitTasks {
  /** With limits of 1 to 10, in this order. */
  readonly limited: readonly Task<[n: number], void>[]
  readonly ordered: Task<[key: number, n: number], void>
  /** Works for so many milliseconds, unless it is cancelled. */
  readonly cancellable: Task<[work: number], void>
  /** Writes down how long ago it was sent, for all tenants but `a`. */
  readonly tenant: Task<[name: string, sentAt: number], void>
}

/** The broker of a plan. */
export function limitsBroker({ store }: LimitsPlan): Broker {
  const transport: TransportFactory =
    store.kind === 'sqlite'
      ? sqliteTransport({ file: store.file })
      : redisTransport({ url: store.url, prefix: store.prefix, resultPrefix: store.prefix })
  return createBroker({ transport, logger: silentLogger, resultExpiresIn: '10m', queue: 'limits' })
}

/** Defines the tasks. */
export function limitTasks(broker: Broker, plan: LimitsPlan): LimitTasks {
  const { journal, endless, unfair } = plan
  const note = (what: string): void => appendFileSync(journal, `${what} ${process.pid}\n`)
  const deps = { ctx: TaskContext }
  const run = async (id: string, work: number): Promise<void> => {
    note(`S ${id}`)
    await pause(work)
    note(`E ${id}`)
  }
  return {
    limited: Array.from({ length: mostLimit }, (_, i) => {
      const limit = i + 1
      return broker.task(
        { name: `limited${limit}`, deps, ...(endless ? {} : { concurrency: limit }) },
        async ({ ctx }, n: number) => {
          if (!endless) return run(`L ${n}`, 1 + (n % 4))
          const permit = await broker.lock(`limited${limit}`, { limit, ttl: '1h' })
          await run(`L ${n}`, 1 + (n % 4))
          await permit.release()
          ctx.signal.throwIfAborted()
        },
      )
    }),
    cancellable: broker.task({ name: 'cancellable', deps }, async ({ ctx }, work: number) => {
      note(`S C ${ctx.taskId}`)
      await pause(work, ctx.signal)
    }),
    tenant: broker.task(
      {
        name: 'tenant',
        ...(unfair ? {} : { fair: { key: (name: string, _sentAt: number) => name, share: 10 } }),
      },
      async (name: string, sentAt: number) => {
        if (name !== 'a') note(`S B ${Date.now() - sentAt}`)
        await pause(20)
      },
    ),
    ordered: broker.task(
      {
        name: 'ordered',
        deps,
        ordered: { key: (key: number) => String(key) },
        retry: { max: 5, backoff: 10 },
      },
      async ({ ctx }, key: number, n: number) => {
        note(`S O ${key} ${n}`)
        await pause(n % 3)
        if ((key + n) % 17 === 0 && ctx.attempt === 1) throw new Error('once more')
        note(`E O ${key} ${n}`)
      },
    ),
  }
}

const given = process.env['LIMITS_PLAN']
if (given !== undefined) await main(JSON.parse(given) as LimitsPlan)

async function main(plan: LimitsPlan): Promise<void> {
  const broker = limitsBroker(plan)
  limitTasks(broker, plan)
  const worker = createWorker(broker, { lease: plan.lease, concurrency: 20, redeliveries: 1000 })
  process.on('SIGTERM', () => {
    void worker
      .stop({ timeout: 5000 })
      .then(() => broker.stop())
      .then(() => process.exit(0))
  })
  process.on('disconnect', () => process.exit(1))
  await worker.start()
  process.send?.('ready')
}
