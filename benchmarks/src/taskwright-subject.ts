import { setTimeout as sleep } from 'node:timers/promises'
// By one name: an older checkout that is measured beside this one may lack some of what is taken from it.
import * as taskwright from 'taskwright'
import type { Broker } from 'taskwright'
import { taskName } from './message.ts'
import type { FlowShape, ServeOrder, Subject } from './subject.ts'

/** The run of the one wide chord: known to the process that sends it and to the one that waits. */
const wideRun = '1'.repeat(20)

/** Taskwright as its users run it: a broker, a task, a worker with default options but these. */
export async function taskwrightSubject(
  broker: Broker,
  { limited = false }: { limited?: boolean } = {},
): Promise<Subject> {
  let order: ServeOrder = { concurrency: 1, prefetch: 0, sleep: 0, onHandled: () => {} }
  // A limit that is never reached.
  const limits = limited ? { concurrency: 1_000_000 } : {}
  const noop = broker.task({ name: taskName, ...limits }, async (text: string) => {
    if (order.sleep > 0) await sleep(order.sleep)
    order.onHandled(text)
  })
  const step = broker.task('step', async () => null)
  const join = broker.task('join', async (_all: readonly null[]) => null)
  const count = broker.task(
    { name: 'count', deps: { ctx: taskwright.TaskContext } },
    async ({ ctx }) => {
      let read = 0
      for await (const _ of ctx.inputs()) read++
      return read
    },
  )
  const canvasOf = ({ kind, steps }: FlowShape) => {
    const all = Array.from({ length: steps }, () => step.si())
    return kind === 'chain' ? taskwright.chain.from(all) : taskwright.chord(all, join.s())
  }
  await broker.start()
  return {
    async send(text) {
      await noop.kiq(text)
    },
    async sendTogether(texts) {
      await Promise.all(texts.map((text) => noop.kiq(text)))
    },
    async sendMany(texts) {
      await noop.kiqMany(texts.map((text): [string] => [text]))
    },
    async request(text) {
      const handle = await noop.kiq(text)
      await handle.result()
    },
    async flow(shape) {
      const handle = await canvasOf(shape).kiq()
      await handle.result()
    },
    async spread(steps) {
      const all = Array.from({ length: steps }, () => step.si())
      await taskwright.chord(all, count.si()).kiqAs({ id: wideRun })
      const queued = async (): Promise<number> =>
        (await broker.inspector.queues()).reduce((sum, one) => sum + one.queued, 0)
      while ((await queued()) < steps) await sleep(100)
    },
    async gather(steps) {
      const read = await broker.workflow<number>(wideRun).result()
      if (read !== steps) throw new Error(`the body has read ${read} results of ${steps}`)
    },
    async serve(given) {
      order = given
      const { concurrency, prefetch } = given
      const worker = taskwright.createWorker(broker, { concurrency, prefetch })
      await worker.start()
      return { settled: () => worker.counts.settled, stop: () => worker.stop() }
    },
    close: () => broker.stop(),
  }
}
