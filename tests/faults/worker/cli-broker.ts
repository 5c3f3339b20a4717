/** The broker that `taskwright worker` loads in the fault runs; its plan is in the environment. */
import { openLedger } from './ledger.ts'
import { openBroker } from './open-broker.ts'
import { defineTasks } from './tasks.ts'
import type { WorkerPlan } from './worker-plan.ts'

const plan = JSON.parse(process.env['FAULT_PLAN'] ?? '') as WorkerPlan
const ledger = openLedger(plan.ledger)
export const broker = openBroker(plan, ledger)
defineTasks(broker, { ledger, folder: plan.ledger, join: plan.join })
