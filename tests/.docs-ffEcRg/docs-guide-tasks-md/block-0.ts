import { createBroker, createWorker } from 'taskwright'
import * as z from 'zod'

const broker = createBroker('memory:')

// By position.
const add = broker.task('add', async (a: number, b: number) => a + b)

// One object, checked by any Standard Schema: sent raw, parsed on the worker.
const summarise = broker.task(
  { name: 'summarise', input: z.object({ text: z.string(), words: z.number().default(3) }) },
  async ({ text, words }) => text.split(' ').slice(0, words).join(' '),
)

// Still a function: the direct call runs it here, without a queue.
console.log(await add(1, 2)) // 3

const worker = createWorker(broker)
await worker.start()

const sum = await add.kiq(20, 22)
console.log(await sum.result()) // 42
const short = await summarise.kiq({ text: 'a text of many words' })
console.log(await short.result()) // a text of

await worker.stop()
await broker.stop()
export {}
