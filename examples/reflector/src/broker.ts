import { createBroker, exponential, type RetryOptions } from 'taskwright'
import { isRefusal } from './outside/ask.ts'

/** One file is all that is needed; `TASKWRIGHT_URL=redis://…` moves the same program to many machines. */
export const broker = createBroker(process.env['TASKWRIGHT_URL'] ?? 'sqlite:./reflector-tasks.db')

/** For steps that ask services: a service that is busy is asked again, one that said no is not. */
export const stepRetry: RetryOptions = {
  max: 3,
  backoff: exponential('5s', { max: '1m' }),
  unless: isRefusal,
}
