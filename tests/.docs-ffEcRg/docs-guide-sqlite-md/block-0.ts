import { createBroker } from 'taskwright'
import { sqliteTransport } from 'taskwright/sqlite'

const broker = createBroker({ transport: sqliteTransport({ file: './tasks.db' }) }) // or createBroker('sqlite:./tasks.db')
const add = broker.task('add', async (a: number, b: number) => a + b)
const handle = await add.kiq(1, 2)
console.log(handle.taskId)
await broker.stop()
export {}
