/** The types of a broker under test: what must compile and, marked, what must not. Never run. */
import * as z from 'zod'
import { TaskContext, createBroker, dependency, type Labels } from 'taskwright'
import { exploreSeeds, testBroker, type SentMessage, type SettledTask } from 'taskwright/testing'

type Eq<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const is = <_T extends true>(): void => {}

interface Session {
  find(id: string): Promise<string>
}
const broker = createBroker('memory:')
const session = dependency((): Session => ({ find: async (id) => id }))
const other = dependency((): Session => ({ find: async () => 'other' }))
const five = dependency(() => 5)
const processFile = broker.task(
  { name: 'file.process', deps: { db: session, ctx: TaskContext } },
  async ({ db }, transcriptId: string, words = 5) => ({ text: await db.find(transcriptId), words }),
)
const summarise = broker.task(
  { name: 'summarise', input: z.object({ id: z.string(), words: z.number().default(3) }) },
  async ({ words }) => words,
)
const legacy = broker.remoteTask<[id: string], number>('legacy')

{
  await using app = testBroker(broker, { mode: 'inline' })
  app.dependencyOverrides.setValue(session, { find: async () => 'fake' })
  app.dependencyOverrides.set(session, other)
  // @ts-expect-error another type
  app.dependencyOverrides.set(session, five)
  // @ts-expect-error another type
  app.dependencyOverrides.setValue(session, 5)

  await app.clock.advance('1h')
  await app.clock.advance(1_000)
  // @ts-expect-error not a duration
  await app.clock.advance('1 hour')
  await app.idle()
  await app.drain({ limit: 5 })

  const [sent] = app.sent(processFile)
  is<Eq<typeof sent, SentMessage<[transcriptId: string, words?: number | undefined]> | undefined>>()
  const proven: readonly { args: readonly unknown[]; labels: Labels; taskId: string }[] = app.sent()
  sent?.args[0].toUpperCase()
  // @ts-expect-error a string
  sent?.args[0].toFixed()
  const [input] = app.sent(summarise)
  is<Eq<NonNullable<typeof input>['args'], [input: { id: string; words?: number | undefined }]>>()

  const [end] = app.settled(processFile)
  const text: string | undefined = end?.returnValue?.text
  if (end?.isErr === true) end.error.message.trim()
  const ends: readonly SettledTask<[id: string], number>[] = await app.waitFor(legacy, 2)

  app.stub(legacy, (id) => id.length)
  app.stub(processFile, async (id, words) => ({ text: id, words: words ?? 0 }))
  // @ts-expect-error another result
  app.stub(legacy, (id) => id)
  // @ts-expect-error another argument
  app.stub(legacy, (id: number) => id)

  app.faults.killWorker({ at: 'before-settle', task: processFile })
  app.faults.loseLease(legacy)
  app.faults.failStore({ operation: 'settle', times: 2, answerLost: true })
  // @ts-expect-error no such step
  app.faults.killWorker({ at: 'lunch' })
  // @ts-expect-error no such operation
  app.faults.failStore({ operation: 'purge' })
  // @ts-expect-error a number names nothing
  app.faults.deliverTwice(5)
  void [proven, text, ends]
}

testBroker(broker, { mode: 'concurrent', seed: 5, worker: { concurrency: 2 } })
// @ts-expect-error no such mode
testBroker(broker, { mode: 'eager' })
// @ts-expect-error a mode is needed
testBroker(broker, {})
// @ts-expect-error its name is the kit's to choose
testBroker(broker, { mode: 'inline', worker: { name: 'mine' } })
await exploreSeeds(broker, { runs: 5 }, async (app) => void app.seed.toFixed())
// @ts-expect-error seeds interleave nothing inline
await exploreSeeds(broker, { mode: 'inline' }, async () => {})
