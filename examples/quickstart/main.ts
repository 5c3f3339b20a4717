import { createWorker } from 'taskwright'
import { broker } from './broker.ts'
import { greet } from './tasks.ts'

const handle = await greet.kiq('Ada')

// In earnest the worker is a process of its own: npx taskwright worker broker.ts:broker tasks.ts
const worker = createWorker(broker)
await worker.start()
console.log(await handle.result({ timeout: '30s' })) // hello Ada
await worker.stop()
await broker.stop()
