// tasks.ts
import { TaskContext, createBroker, dependency, exponential } from 'taskwright'

export const broker = createBroker(process.env.TASKWRIGHT_URL ?? 'sqlite:./tasks.db')

const greeter = dependency(() => ({ greet: (name: string) => `Hello, ${name}!` }), {
  scope: 'process',
})

export const welcome = broker.task(
  {
    name: 'welcome',
    deps: { greeter, ctx: TaskContext },
    timeout: '1m',
    retry: { max: 5, backoff: exponential('1s', { jitter: true }) },
  },
  async ({ greeter, ctx }, name: string) => {
    await ctx.progress('greeting')
    return greeter.greet(name)
  },
)
export {}
