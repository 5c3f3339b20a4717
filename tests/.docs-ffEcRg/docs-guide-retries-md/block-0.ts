import { NonRetryableError, TaskContext, createBroker, exponential, fixed } from 'taskwright'

class ClientError extends Error {}

const broker = createBroker({ transport: 'memory:', retry: { max: 3 } }) // for tasks that say nothing

broker.task(
  {
    name: 'webhook.send',
    deps: { ctx: TaskContext },
    timeout: '20s',
    retry: {
      max: 30,
      backoff: exponential('1m', { max: '1h', jitter: true }),
      unless: (error) => error instanceof ClientError,
    },
  },
  async ({ ctx }, url: string) => {
    const answer = { status: url === '' ? 410 : 200, retryAfter: 0 }
    if (answer.status === 410) throw new NonRetryableError('the receiver is gone')
    if (answer.status === 429) ctx.retry({ delay: answer.retryAfter })
    if (answer.status === 400) ctx.reject('malformed webhook')
  },
)
broker.task(
  { name: 'poll', retry: { max: 10, backoff: fixed('5s', { jitter: 0.2 }) } },
  async () => {},
)
broker.task({ name: 'once', retry: false }, async () => {})
await broker.stop()
export {}
