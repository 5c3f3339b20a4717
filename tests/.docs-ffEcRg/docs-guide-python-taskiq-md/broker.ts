// broker.ts
import { createBroker } from 'taskwright'
import { taskiqPickle } from 'taskwright/codecs'
import { redisTransport } from 'taskwright/redis'

export const broker = createBroker({
  transport: redisTransport({
    url: 'redis://127.0.0.1:6379',
    resultPrefix: 'app', // prefix_str there
    resultPoll: '100ms', // Python tells nobody that a result is there
  }),
  queue: 'ts', // our tasks
  resultCodec: taskiqPickle(), // what RedisAsyncResultBackend writes unless it is told otherwise
})
export {}
