import assert from 'node:assert/strict'
import { createBroker, dependency, TaskContext } from 'taskwright'

const broker = createBroker('memory:')

// One pool for the whole process, made on first use.
const pool = dependency(
  () => ({
    open: 0,
    async connect() {
      this.open++
      return { find: async (id: string) => `file of ${id}`, release: () => void this.open-- }
    },
  }),
  { scope: 'process' },
)

// One session for each task: set up, yield, tear down.
const session = dependency({ pool }, async function* ({ pool }) {
  const session = await pool.connect()
  try {
    yield session
  } finally {
    session.release()
  }
})

const processFile = broker.task(
  { name: 'file.process', deps: { db: session, ctx: TaskContext } },
  async ({ db, ctx }, transcriptId: string) => `${ctx.taskName}: ${await db.find(transcriptId)}`,
)

assert.equal(await processFile('t1'), 'file.process: file of t1')
export {}
