// example.test.ts
import { afterEach, beforeEach, expect, it } from 'vitest'
import { createBroker } from 'taskwright'
import { testBroker, type TestBroker } from 'taskwright/testing'

const broker = createBroker('sqlite:./tasks.db')
const processFile = broker.task('file.process', async (transcriptId: string) => ({ transcriptId }))

let app: TestBroker
beforeEach(() => {
  app = testBroker(broker, { mode: 'inline' })
})
afterEach(() => app.dispose())

it('processes a file', async () => {
  const handle = await processFile.kiq('transcript-id')
  expect(await handle.result()).toEqual({ transcriptId: 'transcript-id' })
})
export {}
