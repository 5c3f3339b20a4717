import assert from 'node:assert/strict'
import { createBroker, dependency } from 'taskwright'
import { testBroker } from 'taskwright/testing'

interface Session {
  find(id: string): Promise<string | undefined>
}

const broker = createBroker('sqlite:./tasks.db')
const dbSession = dependency(async function* (): AsyncGenerator<Session> {
  throw new Error('the real database is not there in a unit test')
})
const processFile = broker.task(
  { name: 'file.process', deps: { db: dbSession } },
  async ({ db }, transcriptId: string) => db.find(transcriptId),
)

const session: Session = { find: async (id) => `file of ${id}` }

await using app = testBroker(broker, { mode: 'inline' })
app.dependencyOverrides.setValue(dbSession, session)

assert.equal(await processFile('t1'), 'file of t1') // the direct call
const handle = await processFile.kiq('t1') // through queue and worker
assert.equal(await handle.result(), 'file of t1')

// The bare handler, with fakes by hand, needs no broker at all.
assert.equal(await processFile.handler({ db: session }, 't1'), 'file of t1')
export {}
