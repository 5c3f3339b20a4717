import assert from 'node:assert/strict'
import { createBroker, dependency } from 'taskwright'

const broker = createBroker('memory:')
const log: string[] = []

const transaction = dependency(function* () {
  log.push('begin')
  yield { write: (row: string) => void log.push(`write ${row}`) }
  log.push('commit')
})
const orders = dependency({ transaction }, ({ transaction }) => ({
  add: (id: string) => transaction.write(id),
}))
const audit = dependency({ transaction }, ({ transaction }) => ({
  note: (text: string) => transaction.write(text),
}))

const order = broker.task(
  { name: 'order', deps: { orders, audit } },
  ({ orders, audit }, id: string) => {
    orders.add(id)
    audit.note(`ordered ${id}`)
  },
)

await order('o1')
assert.deepEqual(log, ['begin', 'write o1', 'write ordered o1', 'commit'])
export {}
