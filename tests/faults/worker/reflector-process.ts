/**
 * A worker process of the rows of Reflector's workflows: each of its steps takes as long as its last argument
 * says, and writes down when it began and ended. It is told what to be by its argument, and ends with its parent.
 */
import {
  createBroker,
  createWorker,
  silentLogger,
  TaskContext,
  type Broker,
  type Task,
} from 'taskwright'
import { redisTransport } from 'taskwright/redis'
import { openLedger, type Ledger } from './ledger.ts'
import { pause } from './pause.ts'

/** What such a process is told, as JSON. */
export interface ReflectorPlan {
  readonly url: string
  readonly prefix: string
  /** The folder of the ledgers. */
  readonly ledger: string
}

/** The steps of both workflows. */
export const reflectorSteps = [
  'waveform',
  'convert_to_mp3',
  'upload_mp3',
  'remove_upload',
  'diarization',
  'cleanup_consent',
  'title',
  'final_summaries',
  'post_to_zulip',
  'send_webhook',
] as const

/** One of {@link reflectorSteps}. */
export type ReflectorStep = (typeof reflectorSteps)[number]

type StepTask = Task<[transcriptId: string, takes: number], null>

/** A broker, and the task of each step. */
export function reflectorBroker(
  { url, prefix }: ReflectorPlan,
  ledger: Ledger,
): { readonly broker: Broker; readonly tasks: Readonly<Record<ReflectorStep, StepTask>> } {
  const transport = redisTransport({ url, prefix, resultPrefix: prefix })
  const broker = createBroker({ transport, logger: silentLogger, lineage: false })
  const made = reflectorSteps.map((name) => [
    name,
    broker.task(
      { name, deps: { ctx: TaskContext } },
      async ({ ctx }, transcriptId: string, takes: number) => {
        const id = `${transcriptId}/${name}`
        const run = `${ctx.taskId}/${process.pid}/${ctx.redeliveries}`
        ledger.write({ kind: 'start', id, run })
        await pause(takes, ctx.signal)
        ledger.write({ kind: 'end', id, run, how: 'ok' })
        return null
      },
    ),
  ])
  return { broker, tasks: Object.fromEntries(made) as Record<ReflectorStep, StepTask> }
}

const given = process.argv[2]
if (given !== undefined && process.send !== undefined)
  await main(JSON.parse(given) as ReflectorPlan)

async function main(plan: ReflectorPlan): Promise<void> {
  const { broker } = reflectorBroker(plan, openLedger(plan.ledger))
  const worker = createWorker(broker, { concurrency: 20, prefetch: 10 })
  process.on('disconnect', () => process.exit(1))
  process.once('SIGTERM', () => {
    void worker
      .stop({ timeout: '5s' })
      .then(() => broker.stop())
      .then(() => process.exit(0))
  })
  await worker.start()
  process.send?.('ready')
}
