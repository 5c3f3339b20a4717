/** A worker process of the row of workflows: the tasks of random canvases, which do what their last argument says. */
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
import { pause } from './pause.ts'

/** What such a process is told, as JSON in WORKFLOW_PLAN. */
export interface WorkflowPlan {
  readonly store:
    | { readonly kind: 'sqlite'; readonly file: string }
    | { readonly kind: 'redis'; readonly url: string; readonly prefix: string }
  readonly tasks: number
  readonly sweeps: boolean
}

/** What a task does: it fails in generations below this; or others run in its place. */
export interface WorkflowFate {
  readonly name: string
  readonly failsUntil: number
  readonly expands: CanvasPlan | null
  /** Milliseconds that it takes. */
  readonly takes: number
}

/** A broker on the store of a plan, with all tasks. */
export function workflowBroker({ store, tasks }: WorkflowPlan): Broker {
  const transport: TransportFactory =
    store.kind === 'sqlite'
      ? sqliteTransport({ file: store.file })
      : redisTransport({ url: store.url, prefix: store.prefix, resultPrefix: store.prefix })
  const broker = createBroker({ transport, logger: silentLogger, lineage: false })
  for (let i = 0; i < tasks; i++) {
    broker.task(
      { name: `t${i}`, deps: { ctx: TaskContext } },
      async ({ ctx }, ...args: unknown[]) => {
        const fate = args.at(-1) as WorkflowFate
        const gen = Number.parseInt(ctx.taskId.slice(28), 16)
        await pause(fate.takes, ctx.signal)
        if (fate.failsUntil > gen) throw new Error(fate.name)
        if (fate.expands !== null) return ctx.expand(broker.canvas(fate.expands)) as null
        return { of: fate.name, input: args.length > 1 ? args[0] : '' } as unknown as null
      },
    )
  }
  return broker
}

const given = process.env['WORKFLOW_PLAN']
if (given !== undefined) await main(JSON.parse(given) as WorkflowPlan)

async function main(plan: WorkflowPlan): Promise<void> {
  const broker = workflowBroker(plan)
  const worker = createWorker(broker, {
    concurrency: 20,
    prefetch: 10,
    lease: '1s',
    redeliveries: 1000,
    sweepWorkflows: plan.sweeps,
  })
  process.on('SIGTERM', () => {
    void worker
      .stop({ timeout: '1s' })
      .then(() => broker.stop())
      .then(() => process.exit(0))
  })
  process.on('disconnect', () => process.exit(1))
  await worker.start()
}
