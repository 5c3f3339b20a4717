import { createBroker } from 'taskwright'
import { taskiqPickle } from 'taskwright/codecs'

// Reads and writes the results of RedisAsyncResultBackend(url) as it is out of the box.
const broker = createBroker({ transport: 'memory:', resultCodec: taskiqPickle() })
await broker.stop()
export {}
