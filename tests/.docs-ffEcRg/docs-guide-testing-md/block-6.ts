import assert from 'node:assert/strict'
import { TaskContext, createBroker, exponential } from 'taskwright'
import { testBroker } from 'taskwright/testing'

const broker = createBroker('sqlite:./tasks.db')
const sendWebhook = broker.task(
  {
    name: 'webhook.send',
    deps: { ctx: TaskContext },
    retry: { max: 30, backoff: exponential('1m', { max: '1h' }) },
  },
  async ({ ctx }, url: string) => {
    if (ctx.attempt < 5) throw new Error(`${url} is down`)
    return ctx.attempt
  },
)

await using app = testBroker(broker, { mode: 'inline', start: new Date('2026-03-29T00:00:00Z') })

const handle = await sendWebhook.kiq('https://example.org/hook')
assert.equal(await handle.status(), 'retrying')
await app.clock.advance('1m') // the second run
await app.drain() // and all the others
assert.equal(await handle.result(), 5)
assert.equal(new Date(app.clock.now()).toISOString(), '2026-03-29T00:15:00.000Z')
export {}
