import assert from 'node:assert/strict'
import { createBroker, createWorker } from 'taskwright'

const broker = createBroker('memory:')
const render = broker.task(
  { name: 'report.render', unique: { key: (id: string) => id } },
  async (id: string, format: string) => `${id}.${format}`,
)

const first = await render.kiq('r-1', 'pdf')
const second = await render.kiq('r-1', 'png') // the same report: nothing is sent
assert.equal(second.taskId, first.taskId)
assert.deepEqual(second.conflict, { kind: 'existing', id: first.taskId })

// "Is it queued or running?" in one call, without a search.
assert.equal((await render.pending('r-1', 'pdf'))?.taskId, first.taskId)
assert.equal(await render.pending('r-2', 'pdf'), null)

await using worker = createWorker(broker)
await worker.start()
assert.equal(await second.result(), 'r-1.pdf')
assert.equal(await render.pending('r-1', 'pdf'), null)
await worker.stop()
await broker.stop()
export {}
