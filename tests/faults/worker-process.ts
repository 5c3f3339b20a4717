/** One worker in a process of its own. It is told what to be by its first argument, and ends with its parent. */
import { createBroker, createWorker, logTo, TaskContext } from 'taskwright'
import { sqliteTransport } from 'taskwright/sqlite'
import { openLedger } from './ledger.ts'
import { recorded } from './recording-transport.ts'
import { defineTasks } from './tasks.ts'
import type { WorkerPlan } from './worker-plan.ts'

const plan = JSON.parse(process.argv[2] ?? '') as WorkerPlan
const ledger = openLedger(plan.ledger)
const broker = createBroker({
  transport: recorded(sqliteTransport(plan.sqlite), ledger),
  logger: logTo((level, message, { error }) => {
    const why = error instanceof Error ? error.message : ''
    if (level === 'error') process.stderr.write(`${process.pid} ${message} ${why}\n`)
  }),
})
defineTasks(broker, ledger, TaskContext)
const worker = createWorker(broker, plan.worker)
process.on('disconnect', () => process.exit(0))
process.once('SIGTERM', () => void stop())
await worker.start()
process.send?.('ready')

async function stop(): Promise<void> {
  await worker.stop()
  await broker.stop()
  ledger.close()
  process.disconnect?.()
}
