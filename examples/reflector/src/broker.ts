import { createBroker, exponential, type Broker, type RetryOptions } from 'taskwright'
import { taskMetrics } from './metrics/task-metrics.ts'
import { isRefusal } from './outside/ask.ts'
import { database } from './tasks/dependencies.ts'

/** One file is all that is needed; `TASKWRIGHT_URL=redis://…` moves the same program to many machines. */
export const broker: Broker = createBroker({
  transport: process.env['TASKWRIGHT_URL'] ?? 'sqlite:./reflector-tasks.db',
  middlewares: [
    taskMetrics(() => broker.scope(async (resolve) => (await resolve({ database })).database)),
  ],
})

/** For steps that ask services: a service that is busy is asked again, one that said no is not. */
export const stepRetry: RetryOptions = {
  max: 3,
  backoff: exponential('5s', { max: '1m' }),
  unless: isRefusal,
}
