import { createBroker, createWorker } from 'taskwright'

const broker = createBroker('memory:')
broker.task('noop', async () => {})
{
  await using worker = createWorker(broker, { concurrency: 100, queues: ['default'] })
  await worker.start()
  worker.on('task-settled', ({ id, task, status }) => console.log(id, task, status))
} // stops here; worker.stop() is the method twin
await broker.stop()
export {}
