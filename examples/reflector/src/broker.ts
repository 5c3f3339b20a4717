import { createBroker, exponential, type Broker, type RetryOptions } from 'taskwright'
import { runRecorder, taskMetrics } from './metrics/task-metrics.ts'
import { isRefusal } from './outside/ask.ts'
import { readSettings } from './settings.ts'

/** How long until what failed is tried again is part of a task's definition, so it is read here. */
const { STEP_RETRY_SECONDS } = readSettings(process.env)

/** One file is all that is needed; `TASKWRIGHT_URL=redis://…` moves the same program to many machines. */
export const broker: Broker = createBroker({
  transport: process.env['TASKWRIGHT_URL'] ?? 'sqlite:./reflector-tasks.db',
  middlewares: [
    taskMetrics(() =>
      broker.scope(async (resolve) => (await resolve({ runRecorder })).runRecorder),
    ),
  ],
})

/** For steps that ask services: a service that is busy is asked again, one that said no is not. */
export const stepRetry: RetryOptions = {
  max: 3,
  backoff: exponential(STEP_RETRY_SECONDS * 1000, { max: '1m' }),
  unless: isRefusal,
}
