import { createBroker, isTaskwrightError } from 'taskwright'

const broker = createBroker('memory:')
const noop = broker.task('noop', async () => {})
const handle = await noop.kiq()
try {
  await handle.result({ timeout: '10ms' })
} catch (error) {
  if (!isTaskwrightError(error, 'RESULT_TIMEOUT')) throw error
  console.log('not yet') // not yet
}
await broker.stop()
export {}
