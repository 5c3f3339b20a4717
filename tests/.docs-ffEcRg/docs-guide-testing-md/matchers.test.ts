// matchers.test.ts
import { expect, it } from 'vitest'
import { createBroker } from 'taskwright'
import { taskwrightMatchers, testBroker, type TaskwrightMatchers } from 'taskwright/testing'

// Once for all tests: in a setup file and a vitest.d.ts.
expect.extend(taskwrightMatchers)
declare module 'vitest' {
  interface Matchers<T> extends TaskwrightMatchers<void> {}
}

const broker = createBroker('sqlite:./tasks.db')
const greet = broker.task('greet', async (name: string) => `hello ${name}`)

it('greets', async () => {
  await using app = testBroker(broker, { mode: 'inline' })
  const handle = await greet.kiq('Ada')
  expect(app).toHaveSent(greet)
  expect(app).toHaveSent(greet, [expect.any(String)])
  expect(app).toHaveSentTimes(greet, 1)
  await expect(handle).toHaveSucceeded('hello Ada')
  await expect(handle).not.toHaveFailed(/down/)
})
export {}
