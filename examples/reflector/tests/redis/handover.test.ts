/** Scenario 33 by processes: a worker that gets SIGTERM in the midst of a step, and a step longer than its lease. */
import { afterEach, beforeEach, expect, it } from 'vitest'
import { broker } from '../../src/broker.ts'
import { eventsAfter } from '../../src/data/events.ts'
import { getTranscript, setUploaded } from '../../src/data/transcripts.ts'
import { pipelineFileProcess } from '../../src/tasks/file-process.ts'
import { startProcessing } from '../../src/tasks/start-processing.ts'
import { setStage, type Stage } from '../stage.ts'

let stage: Stage
beforeEach(async () => {
  stage = await setStage({ mode: 'concurrent' })
})
afterEach(() => stage.end())

async function processing(): Promise<string> {
  const { id } = await stage.transcript({ source_kind: 'file' })
  await stage.recording(await getTranscript(stage.db, id), 'upload.wav')
  await setUploaded(stage.db, id)
  await startProcessing(stage.db, id)
  await expect.poll(() => stage.world.journal.of('transcriber').length, { timeout: 20_000 }).toBe(1)
  return id
}

async function expectEndedOnce(id: string): Promise<void> {
  await stage.app.drain()
  expect(stage.app.failures).toEqual([])
  expect(stage.app.settled(pipelineFileProcess)).toMatchObject([{ attempt: 1 }])
  const events = await eventsAfter(stage.db, id, 0)
  expect(events.filter(({ event }) => event === 'WAVEFORM')).toHaveLength(1)
  expect(events.at(-1)).toMatchObject({ data: { value: 'ended' } })
}

it('a process that gets SIGTERM hands its step to the other, and no attempt is used up', async () => {
  stage.world.faults.plan({ service: 'transcriber', does: { hang: true } })
  const id = await processing()
  const busy = (await broker.control.stats()).find(({ running }) => running > 0)
  process.kill(busy?.pid ?? Number.NaN, 'SIGTERM')
  await expectEndedOnce(id)
  expect(stage.world.journal.of('transcriber')).toHaveLength(2)
})

it('a step that takes twice its lease is run by nobody else', async () => {
  stage.world.faults.plan({ service: 'transcriber', does: { delay: 4500 } })
  await expectEndedOnce(await processing())
  expect(stage.world.journal.of('transcriber')).toHaveLength(1)
})
