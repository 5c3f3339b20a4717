import { createBroker, taskiqJson } from 'taskwright'

const broker = createBroker({
  transport: 'memory:',
  codec: taskiqJson({ richTypes: true, maxBytes: 16 * 1024 * 1024, maxDepth: 128 }),
})
await broker.stop()
export {}
