/** One worker in a process of its own. It is told what to be by its argument, and ends with its parent. */
import { createWorker } from 'taskwright'
import { openLedger } from './ledger.ts'
import { openBroker } from './open-broker.ts'
import { sampleMemory } from './sample-memory.ts'
import { defineTasks } from './tasks.ts'
import { fileOf, type WorkerPlan } from './worker-plan.ts'

const plan = JSON.parse(process.argv[2] ?? '') as WorkerPlan
const ledger = openLedger(plan.ledger)
const broker = openBroker(plan, ledger)
defineTasks(broker, {
  ledger,
  folder: plan.ledger,
  join: plan.join,
  database: plan.transport.kind === 'sqlite' ? fileOf(plan.transport) : undefined,
})
const worker = createWorker(broker, plan.worker)
worker.on('task-stuck', ({ id }) => ledger.write({ kind: 'note', what: 'stuck', detail: id }))
worker.on('store-failed', ({ error }) => {
  const detail = error instanceof Error ? error.message : String(error)
  ledger.write({ kind: 'note', what: 'store-failed', detail: detail.slice(0, 200) })
})
process.on('disconnect', () => process.exit(0))
process.once('SIGTERM', () => void stop())
await worker.start()
const sampling = plan.sampleEvery === undefined ? undefined : sampleMemory(ledger, plan.sampleEvery)
process.send?.('ready')

async function stop(): Promise<void> {
  clearInterval(sampling)
  await worker.stop()
  await broker.stop()
  ledger.close()
  process.exit(0)
}
