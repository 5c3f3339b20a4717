import assert from 'node:assert/strict'
import { createBroker, createWorker } from 'taskwright'

const broker = createBroker('memory:')
let running = 0
let most = 0
const transcribe = broker.task(
  {
    name: 'audio.transcribe',
    concurrency: [
      { limit: 8 }, // eight at once in all,
      { limit: 2, key: (tenant: string) => tenant }, // and two of each tenant
    ],
  },
  async (tenant: string, file: string) => {
    most = Math.max(most, ++running)
    await new Promise((resolve) => setTimeout(resolve, 5))
    running--
    return `${tenant}/${file}`
  },
)

await using worker = createWorker(broker, { concurrency: 100 })
await worker.start()
const calls = ['acme', 'acme', 'acme', 'umbrella'].map(
  (tenant, i) => [tenant, `${i}.mp3`] as [string, string],
)
const handles = await transcribe.kiqMany(calls)
await Promise.all(handles.map((handle) => handle.result()))
assert.equal(most, 3)

// At run time, for all processes, at once and durably; null lets the code's limit hold again.
await broker.setConcurrency(transcribe, 20)
await broker.setConcurrency(transcribe, 1, 'acme')
await broker.setConcurrency(transcribe, null)
await worker.stop()
await broker.stop()
export {}
