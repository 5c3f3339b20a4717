/** Scenario 33: long steps, and workers that are told to end in the midst of one. Real workers, real time. */
import { TaskContext, createBroker, createWorker, silentLogger, type Broker } from 'taskwright'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { broker } from '../src/broker.ts'
import { getTranscript, setUploaded } from '../src/data/transcripts.ts'
import { processFile } from '../src/pipelines/file-pipeline.ts'
import { workshop } from '../src/tasks/dependencies.ts'
import { setStage, type Stage } from './stage.ts'

let stage: Stage
let queue: Broker
/** Of each run of the step: its attempt, and how often its lease was lost. */
const runs: (readonly [attempt: number, redeliveries: number])[] = []

beforeEach(async () => {
  runs.length = 0
  stage = await setStage({ mode: 'inline' })
  queue = createBroker({ transport: 'memory:', logger: silentLogger })
})

afterEach(async () => {
  await queue.stop()
  await stage.end()
})

/** The file pipeline as one long step, on a broker of its own. */
async function longStep() {
  const shop = await broker.scope(async (resolve) => (await resolve({ workshop })).workshop)
  return queue.task(
    { name: 'file.process', deps: { ctx: TaskContext } },
    async ({ ctx }, id: string) => {
      runs.push([ctx.attempt, ctx.redeliveries])
      await processFile(shop, id, { signal: ctx.signal, warn: () => {} })
    },
  )
}

async function uploaded(): Promise<string> {
  const transcript = await stage.transcript({ source_kind: 'file' })
  await stage.recording(transcript, 'upload.wav')
  await setUploaded(stage.db, transcript.id)
  return transcript.id
}

/** Until the stand-in was asked so often. */
const asked = (service: string, times: number) =>
  expect
    .poll(() => stage.world.journal.of(service).length, { timeout: 20_000 })
    .toBeGreaterThanOrEqual(times)

it('a worker that is told to end gives its step to another, once, and no attempt is used up', async () => {
  const step = await longStep()
  stage.world.faults.plan({ service: 'transcriber', does: { hang: true } })
  const id = await uploaded()
  const first = createWorker(queue, { name: 'first' })
  await first.start()
  const handle = await step.kiq(id)
  await asked('transcriber', 1)
  await using second = createWorker(queue, { name: 'second' })
  await second.start()
  await first.stop({ timeout: 0 })
  await handle.result({ timeout: '40s' })
  expect(runs).toEqual([
    [1, 0],
    [1, 0],
  ])
  expect((await getTranscript(stage.db, id)).status).toBe('ended')
})

it('a worker that is told to end lets its step end, where there is time for it', async () => {
  const step = await longStep()
  stage.world.faults.plan({ service: 'transcriber', does: { delay: 1500 } })
  const id = await uploaded()
  const only = createWorker(queue, { name: 'only' })
  await only.start()
  const handle = await step.kiq(id)
  await asked('transcriber', 1)
  await only.stop({ timeout: '40s' })
  expect(await handle.status()).toBe('succeeded')
  expect(runs).toEqual([[1, 0]])
  expect((await getTranscript(stage.db, id)).status).toBe('ended')
})

it('a step that takes many times its lease stays with its worker while that lives', async () => {
  const step = await longStep()
  stage.world.faults.plan({ service: 'transcriber', does: { delay: 3000 } })
  const id = await uploaded()
  const options = { lease: '400ms', stallLimit: '30s' } as const
  await using first = createWorker(queue, options)
  await using second = createWorker(queue, options)
  await Promise.all([first.start(), second.start()])
  await (await step.kiq(id)).result({ timeout: '40s' })
  expect(runs).toEqual([[1, 0]])
})
