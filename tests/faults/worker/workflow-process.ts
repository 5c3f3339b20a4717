/**
 * A worker process of the row of workflows: the tasks of random canvases, which do what their last argument
 * says. It is told what to be by its argument, and ends with its parent.
 */
import {
  createBroker,
  createWorker,
  silentLogger,
  TaskContext,
  type Broker,
  type CanvasPlan,
  type TransportFactory,
} from 'taskwright'
import { redisTransport } from 'taskwright/redis'
import { sqliteTransport } from 'taskwright/sqlite'
import { openLedger } from './ledger.ts'
import { pause } from './pause.ts'
import { recorded } from './recording-transport.ts'

/** What such a process is told, as JSON. */
export interface WorkflowPlan {
  readonly store:
    | { readonly kind: 'sqlite'; readonly file: string }
    | { readonly kind: 'redis'; readonly url: string; readonly prefix: string }
  readonly tasks: number
  readonly sweeps: boolean
  /** The folder of the ledgers. */
  readonly ledger: string
}

/** What a task does: it fails in generations below this; or others run in its place. */
export interface WorkflowFate {
  readonly name: string
  readonly failsUntil: number
  /** So many runs of each generation fail, and are tried again, before the one that counts. */
  readonly retries: number
  readonly expands: CanvasPlan | null
  /** Milliseconds that it takes. */
  readonly takes: number
}

/** The transport of a plan. */
export function workflowTransport({ store }: WorkflowPlan): TransportFactory {
  return store.kind === 'sqlite'
    ? sqliteTransport({ file: store.file })
    : redisTransport({ url: store.url, prefix: store.prefix, resultPrefix: store.prefix })
}

/** A broker on a transport, with all tasks. */
export function workflowBroker({ tasks }: WorkflowPlan, transport: TransportFactory): Broker {
  const broker = createBroker({ transport, logger: silentLogger, lineage: false })
  for (let i = 0; i < tasks; i++) {
    broker.task(
      { name: `t${i}`, deps: { ctx: TaskContext }, retry: { max: 0, backoff: '10ms' } },
      async ({ ctx }, ...args: unknown[]) => {
        const fate = args.at(-1) as WorkflowFate
        const gen = Number.parseInt(ctx.taskId.slice(28), 16)
        await pause(fate.takes, ctx.signal)
        if (ctx.attempt <= fate.retries) throw new Error(`${fate.name}, to be tried again`)
        if (fate.failsUntil > gen) throw new Error(fate.name)
        if (fate.expands !== null) return ctx.expand(broker.canvas(fate.expands)) as null
        return { of: fate.name, input: args.length > 1 ? args[0] : '' } as unknown as null
      },
    )
  }
  return broker
}

const given = process.argv[2]
if (given !== undefined && process.send !== undefined) await main(JSON.parse(given) as WorkflowPlan)

async function main(plan: WorkflowPlan): Promise<void> {
  const ledger = openLedger(plan.ledger)
  const broker = workflowBroker(plan, recorded(workflowTransport(plan), ledger))
  const worker = createWorker(broker, {
    concurrency: 8,
    prefetch: 2,
    lease: '1s',
    redeliveries: 1000,
    sweepWorkflows: plan.sweeps,
  })
  process.on('disconnect', () => process.exit(1))
  process.once('SIGTERM', () => {
    void worker
      .stop({ timeout: '1s' })
      .then(() => broker.stop())
      .then(() => process.exit(0))
  })
  await worker.start()
  process.send?.('ready')
}
