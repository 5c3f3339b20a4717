import assert from 'node:assert/strict'
import { createBroker, createWorker, TaskContext } from 'taskwright'

const broker = createBroker('memory:')
const rebuild = broker.task(
  { name: 'index.rebuild', deps: { ctx: TaskContext } },
  async ({ ctx }, customer: string) => {
    const lock = await ctx.lock(`index:${customer}`, { ttl: '30s', ifLocked: 'skip' })
    return lock.token
  },
)

await using worker = createWorker(broker)
await worker.start()

// Outside a task you give it back yourself.
const lock = await broker.lock('index:acme', { ttl: '10s', wait: 0 })
const skipped = await (await rebuild.kiq('acme')).waitResult()
assert.equal(skipped.status, 'cancelled') // skipped: 'index:acme' is locked
await lock.release()

const token = await (await rebuild.kiq('acme')).result()
assert.ok(token > lock.token)
await worker.stop()
await broker.stop()
export {}
