import assert from 'node:assert/strict'
import { createBroker } from 'taskwright'
import { testBroker } from 'taskwright/testing'

const broker = createBroker('sqlite:./tasks.db')
const charged: string[] = []
const charge = broker.task('charge', async (order: string) => {
  if (!charged.includes(order)) charged.push(order) // idempotent, or so we hope
})

await using app = testBroker(broker, { mode: 'concurrent', seed: 1 })

app.faults.killWorker({ at: 'before-settle', task: charge }) // done, and nobody was told
const first = await charge.kiq('order-1')
await app.idle()
assert.equal(await first.status(), 'running') // the dead worker's lease
await app.clock.advance('30s') // ends, and a fresh worker runs it again
assert.equal(await first.status(), 'succeeded')

app.faults.deliverTwice(charge)
app.faults.failStore({ operation: 'settle', times: 3, answerLost: true })
await charge.kiq('order-2')
await app.drain()

assert.deepEqual(charged, ['order-1', 'order-2'])
assert.deepEqual(app.faults.pending, []) // all of them did happen
export {}
