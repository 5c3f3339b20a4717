import assert from 'node:assert/strict'
import { createBroker, createWorker } from 'taskwright'

const broker = createBroker('memory:')
const seen: number[] = []
const apply = broker.task(
  {
    name: 'account.apply',
    ordered: { key: (account: string) => account },
    retry: { max: 2, backoff: '1ms' },
  },
  async (_account: string, n: number) => {
    seen.push(n)
    if (n === 1 && seen.length === 1) throw new Error('try again')
  },
)
await using worker = createWorker(broker)
await worker.start()
const handles = await apply.kiqMany([
  ['a', 1],
  ['a', 2],
  ['a', 3],
])
await Promise.all(handles.map((handle) => handle.result()))
assert.deepEqual(seen, [1, 1, 2, 3])
await worker.stop()
await broker.stop()
export {}
