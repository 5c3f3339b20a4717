import { createBroker } from 'taskwright'

const broker = createBroker('memory:')
const charge = broker.task('charge', async (order: string) => order)

const kicker = charge.kicker().withTaskId('order-17')
console.log((await kicker.kiq('17')).isDuplicate) // false
console.log((await kicker.kiq('17')).isDuplicate) // true
await broker.stop()
export {}
