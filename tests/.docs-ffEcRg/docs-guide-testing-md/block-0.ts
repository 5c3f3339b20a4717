import assert from 'node:assert/strict'
import { createBroker } from 'taskwright'
import { testBroker } from 'taskwright/testing'

const broker = createBroker('sqlite:./tasks.db') // never opened below
const notify = broker.task('notify', async (user: string) => `notified ${user}`)
const signUp = broker.task('sign-up', async (user: string) => {
  await notify.kicker().withDelay('1h').kiq(user)
  return `welcome ${user}`
})

await using app = testBroker(broker, { mode: 'inline' })

const handle = await signUp.kiq('ada') // has run when kiq() resolves
assert.equal(await handle.result(), 'welcome ada')
assert.deepEqual(
  app.sent(notify).map(({ args, delay }) => [args, delay]),
  [[['ada'], 3_600_000]],
)

await app.clock.advance('1h') // takes no time
assert.equal(app.settled(notify)[0]?.returnValue, 'notified ada')
assert.deepEqual(app.failures, [])
export {}
