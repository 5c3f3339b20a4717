/** Opens, waits and closes again and again, and writes down what is left of it (`--expose-gc`). */
import { openLedger } from './ledger.ts'
import { openBroker } from './open-broker.ts'
import { writeSample } from './sample-memory.ts'
import type { LeakPlan } from './worker-plan.ts'

const plan = JSON.parse(process.argv[2] ?? '') as LeakPlan
const ledger = openLedger(plan.ledger)

/** Does it in rounds of a tenth, with a sample behind each. */
async function inRounds(count: number, work: () => Promise<void>): Promise<void> {
  for (let round = 0; round < 10; round++) {
    for (let i = 0; i < count / 10; i++) await work()
    writeSample(ledger)
  }
}

ledger.write({ kind: 'note', what: 'reopened' })
await inRounds(plan.reopens, async () => {
  const broker = openBroker(plan)
  await broker.start()
  await broker.stop()
})
ledger.write({ kind: 'note', what: 'waited' })
const broker = openBroker(plan)
await broker.start()
await inRounds(plan.waits, async () => {
  const stop = new AbortController()
  const wait = broker.handle('never-sent').waitResult({ signal: stop.signal })
  // Some are given up at once, some after they have asked the store.
  if (Math.random() < 0.5) await new Promise((resolve) => setImmediate(resolve))
  stop.abort()
  await wait.catch(() => {})
})
await broker.stop()
ledger.close()
process.send?.('done', () => process.disconnect?.())
