import assert from 'node:assert/strict'
import { createBroker } from 'taskwright'
import { testBroker } from 'taskwright/testing'

const broker = createBroker('sqlite:./tasks.db')
const transcribe = broker.remoteTask<[file: string], string>('reflector.transcribe') // Python
const count = broker.task('count', async (file: string) => {
  const text = await (await transcribe.kiq(file)).result()
  return text.length
})

await using app = testBroker(broker, { mode: 'inline' })
app.stub(transcribe, async (file) => `text of ${file}`)

assert.equal(await (await count.kiq('a.mp3')).result(), 13)
assert.deepEqual(app.sent(transcribe)[0]?.args, ['a.mp3'])
export {}
