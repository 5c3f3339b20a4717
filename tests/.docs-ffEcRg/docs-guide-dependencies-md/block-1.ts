import assert from 'node:assert/strict'
import { createBroker, dependency } from 'taskwright'

const broker = createBroker('memory:')
const users = dependency(() => ({ nameOf: async (id: string): Promise<string> => `user ${id}` }))
const greet = broker.task({ name: 'greet', deps: { users } }, async ({ users }, id: string) => {
  return `Hello ${await users.nameOf(id)}`
})

const fake = { nameOf: async () => 'Ada' }
assert.equal(await greet.handler({ users: fake }, '7'), 'Hello Ada')
assert.equal(await greet('7'), 'Hello user 7')
export {}
