import assert from 'node:assert/strict'
import { createBroker, dependency } from 'taskwright'

const broker = createBroker('memory:')
const log: string[] = []

const transaction = dependency(async function* () {
  try {
    yield { id: 1 }
    log.push('commit')
  } catch (error) {
    log.push('rollback')
    throw error
  }
})

const fails = broker.task({ name: 'fails', deps: { transaction } }, () => {
  throw new Error('no such order')
})

await assert.rejects(fails(), /no such order/)
assert.deepEqual(log, ['rollback'])
export {}
