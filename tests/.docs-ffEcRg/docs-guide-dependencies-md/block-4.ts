import assert from 'node:assert/strict'
import { createBroker, dependency, TaskContext } from 'taskwright'

const broker = createBroker('memory:')
const titles = new Map([['t1', 'Weekly meeting']])

const transcript = dependency({ ctx: TaskContext }, async ({ ctx }) => {
  const id = String(ctx.args[0])
  return { id, title: titles.get(id) ?? ctx.reject(`there is no transcript ${id}`) }
})

const titleOf = broker.task(
  { name: 'transcript.title', deps: { transcript } },
  async ({ transcript }, _transcriptId: string) => transcript.title,
)

assert.equal(await titleOf('t1'), 'Weekly meeting')
export {}
