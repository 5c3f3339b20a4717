import assert from 'node:assert/strict'
import { createBroker, createWorker, TaskContext } from 'taskwright'

const broker = createBroker('memory:')
let charged = 0
const checkout = broker.task(
  { name: 'checkout', deps: { ctx: TaskContext }, retry: { max: 2, backoff: '1ms' } },
  async ({ ctx }, order: string) => {
    const receipt = await ctx.once('charge', async () => `receipt ${++charged} of ${order}`)
    if (ctx.attempt === 1) throw new Error('the mail server is away')
    return receipt
  },
)

await using worker = createWorker(broker)
await worker.start()
assert.equal(await (await checkout.kiq('o-1')).result(), 'receipt 1 of o-1')
assert.equal(charged, 1)
await worker.stop()
await broker.stop()
export {}
