import { createBroker, createWorker, type Middleware } from 'taskwright'

const timing: Middleware = {
  name: 'timing',
  async execute(execution, next) {
    const begun = performance.now()
    try {
      return await next()
    } finally {
      console.log(execution.message.task, Math.round(performance.now() - begun) >= 0)
    }
  },
}
const broker = createBroker({ transport: 'memory:', middlewares: [timing] })
const noop = broker.task('noop', async () => {})
const worker = createWorker(broker)
await worker.start()
await (await noop.kiq()).result()
await worker.stop()
await broker.stop()
export {}
