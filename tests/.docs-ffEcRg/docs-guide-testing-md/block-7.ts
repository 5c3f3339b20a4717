import assert from 'node:assert/strict'
import { createBroker } from 'taskwright'
import { exploreSeeds } from 'taskwright/testing'

const broker = createBroker('sqlite:./tasks.db')
const account = {
  balance: 0,
  read: async () => account.balance,
  write: async (balance: number) => void (account.balance = balance),
}
const deposit = broker.task('deposit', async (amount: number) => {
  const before = await account.read() // two of them may read the same balance
  await account.write(before + amount)
})

const exploring = exploreSeeds(broker, { runs: 200 }, async (app) => {
  account.balance = 0
  await Promise.all([deposit.kiq(1), deposit.kiq(2)])
  await app.idle()
  assert.equal(account.balance, 3)
})

await assert.rejects(exploring, /replay with seed: \d+ \(TASKWRIGHT_SEED=\d+\)/)
export {}
