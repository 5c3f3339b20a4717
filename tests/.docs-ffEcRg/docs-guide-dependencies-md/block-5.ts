import assert from 'node:assert/strict'
import { createBroker, dependency } from 'taskwright'

const broker = createBroker('memory:')
const session = dependency(function* () {
  yield { count: async () => 3 }
})

const count = await broker.scope(async (resolve) => {
  const { db } = await resolve({ db: session })
  return db.count()
})
assert.equal(count, 3)
export {}
