/** What becomes of large arguments that are kept apart from their messages, on whichever transport. */
import { afterEach, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { runtimeOf } from '../../src/broker/runtime.ts'
import { numberLabel } from '../../src/broker/check-labels.ts'
import type { Message } from '../../src/core/message.ts'
import {
  chain,
  createBroker,
  createWorker,
  group,
  silentLogger,
  TaskContext,
  type Broker,
  type BrokerOptions,
  type Middleware,
  type TransportFactory,
  type Worker,
  type WorkerOptions,
  type WorkflowFailure,
} from '../../src/index.ts'

/** One promise of the claim check. */
export interface ClaimCheckBehaviour {
  readonly name: string
  readonly run: (stage: Stage) => Promise<void>
}

/** A broker with a claim check, and what is seen of it in the store. */
interface Stage {
  readonly broker: (options?: Partial<BrokerOptions>) => Broker
  readonly work: (broker: Broker, options?: WorkerOptions) => Promise<Worker>
}

const large = 'large '.repeat(5000)
const claimCheck = { above: 10_000 }

/** What the messages of a queue say, and how long they are. */
async function stored(broker: Broker, queue = 'large') {
  const runtime = runtimeOf(broker)
  await runtime.start()
  const page = await runtime.inspector?.peek(queue, { limit: 100 })
  return (page ?? []).map(({ body }) => ({
    bytes: body.length,
    message: runtime.codec.decodeMessage(body),
  }))
}

function refOf({ labels }: Pick<Message, 'labels'> = { labels: {} }): string {
  const id = labels['tw_args']
  if (typeof id !== 'string') throw new Error('its arguments are not kept apart')
  return id
}

/** Whether what was kept is there. */
async function isThere(broker: Broker, id: string): Promise<boolean> {
  const [body = null] = await runtimeOf(broker).results.get([id])
  return body !== null
}

/** Behind the settle it is deleted, for which nobody waits. */
async function isGone(broker: Broker, id: string): Promise<void> {
  await expect.poll(() => isThere(broker, id), { timeout: 20_000 }).toBe(false)
}

const sending: readonly ClaimCheckBehaviour[] = [
  {
    name: 'large arguments do not travel, arrive whole, and go when the task has succeeded',
    async run({ broker: make, work }) {
      const broker = make()
      const length = broker.task('length', async (text: string, by: number) => text.length * by)
      const handle = await length.kiq(large, 2)
      const [one] = await stored(broker)
      expect(one?.bytes).toBeLessThan(1000)
      expect(one?.message.args).toEqual([])
      expect(numberLabel(one?.message.labels['tw_args_bytes'])).toBeGreaterThan(large.length)
      expect(await isThere(broker, refOf(one?.message))).toBe(true)
      await work(broker)
      expect(await handle.result()).toBe(large.length * 2)
      await isGone(broker, refOf(one?.message))
    },
  },
  {
    name: 'small ones travel, and so do large ones for whoever may not be able to fetch them',
    async run({ broker: make }) {
      const broker = make()
      const length = broker.task('length', async (text: string) => text.length)
      const shared = broker.task(
        { name: 'shared', claimCheck: false },
        async (text: string) => text.length,
      )
      const remote = broker.remoteTask<[string], number>({ name: 'python.length' })
      await length.kiq('small')
      await shared.kiq(large)
      await remote.kiq(large)
      const messages = (await stored(broker)).map(({ message }) => message)
      expect(messages.map(({ args, labels }) => [args[0], labels['tw_args']])).toEqual([
        ['small', undefined],
        [large, undefined],
        [large, undefined],
      ])
    },
  },
  {
    name: 'a task says for itself from which size on',
    async run({ broker: make, work }) {
      const broker = make({ claimCheck: undefined })
      const task = broker.task(
        {
          name: 'own',
          claimCheck: { above: 0, keepFor: '1m' },
          input: z.object({ name: z.string() }),
        },
        async ({ name }) => name,
      )
      const handle = await task.kiq({ name: 'Ada' })
      const [one] = await stored(broker)
      expect(one?.message).toMatchObject({ args: [], kwargs: {} })
      refOf(one?.message)
      await work(broker)
      expect(await handle.result()).toBe('Ada')
    },
  },
  {
    name: 'many at once are kept each for itself, and hooks see all of them',
    async run({ broker: make, work }) {
      const seen: number[] = []
      const watch: Middleware = {
        send: async (sending, next) => {
          seen.push(String(sending.message.args[0]).length)
          return next(sending)
        },
        execute: async ({ message }, next) => {
          seen.push(String(message.args[0]).length)
          return next()
        },
      }
      for (const middlewares of [[], [watch]]) {
        const broker = make({ middlewares })
        const length = broker.task('length', async (text: string) => text.length)
        const calls = Array.from({ length: 30 }, (_, i): [string] => [large + 'x'.repeat(i)])
        const handles = await length.kiqMany(calls)
        expect(new Set((await stored(broker)).map(({ message }) => refOf(message))).size).toBe(30)
        await work(broker)
        const lengths = await Promise.all(handles.map((handle) => handle.result()))
        expect(lengths).toEqual(calls.map(([text]) => text.length))
      }
      const all = Array.from({ length: 30 }, (_, i) => large.length + i)
      expect(seen.toSorted((a, b) => a - b)).toEqual([...all, ...all].toSorted((a, b) => a - b))
    },
  },
  {
    name: 'what is refused, or left for another message, keeps nothing',
    async run({ broker: make }) {
      const broker = make({ queues: { narrow: { cap: 1 } } })
      const { results } = runtimeOf(broker)
      const kept: string[] = []
      const save = results.save.bind(results)
      results.save = (page) => {
        kept.push(...page.map(({ id }) => id))
        return save(page)
      }
      const narrow = broker.task({ name: 'narrow', queue: 'narrow' }, async (text: string) => text)
      const alone = broker.task(
        { name: 'alone', unique: { key: () => 'one' } },
        async (text: string) => text,
      )
      await narrow.kiq('small')
      await expect(narrow.kiq(large)).rejects.toMatchObject({ code: 'QUEUE_FULL' })
      await alone.kiq('small')
      expect((await alone.kiq(large)).isDuplicate).toBe(true)
      expect(kept).toHaveLength(2)
      expect(await results.get(kept)).toEqual([null, null])
    },
  },
]

const running: readonly ClaimCheckBehaviour[] = [
  {
    name: 'a retry and a redelivery fetch them again',
    async run({ broker: make, work }) {
      const broker = make()
      const seen: number[] = []
      const flaky = broker.task(
        { name: 'flaky', retry: { max: 1, backoff: () => 1 } },
        async (text: string) => {
          seen.push(text.length)
          if (seen.length === 1) throw new Error('the first time')
          return text.length
        },
      )
      const handle = await flaky.kiq(large)
      const [one] = await stored(broker)
      const { transport } = runtimeOf(broker)
      const signal = new AbortController().signal
      const ask = { queues: ['large'], room: 1, lease: 30_000, wait: 0, signal }
      await transport.release(await transport.receive(ask))
      await work(broker)
      expect(await handle.result()).toBe(large.length)
      expect(seen).toEqual([large.length, large.length])
      await isGone(broker, refOf(one?.message))
    },
  },
  {
    name: 'a rate by a key of the arguments, and early acknowledgement, have them',
    async run({ broker: make, work }) {
      const broker = make()
      const keys: number[] = []
      const rated = broker.task(
        {
          name: 'rated',
          rate: {
            limit: 100,
            per: '1s',
            key: (text: string) => {
              keys.push(text.length)
              return 'one'
            },
          },
        },
        async (text: string) => text.length,
      )
      await work(broker, { ack: 'early' })
      expect(await (await rated.kiq(large)).result()).toBe(large.length)
      expect(keys).toEqual([large.length])
    },
  },
  {
    name: 'arguments that are gone, or are none, set the message aside and tell its caller',
    async run({ broker: make, work }) {
      const broker = make()
      const length = broker.task('length', async (text: string) => text.length)
      const gone = await length.kiq(large)
      const broken = await length.kiq(large)
      const [first, second] = (await stored(broker)).map(({ message }) => refOf(message))
      const { results } = runtimeOf(broker)
      await results.delete([String(first), String(second)])
      await results.save([{ id: String(second), body: '{', expiresIn: 60_000 }])
      await work(broker)
      await expect(gone.result()).rejects.toMatchObject({ code: 'TASK_DEAD' })
      await expect(broken.result()).rejects.toMatchObject({ code: 'TASK_DEAD' })
      const letters = await Promise.all(
        [gone, broken].map(({ taskId }) => broker.deadLetters.get(taskId)),
      )
      expect(letters.map((letter) => letter?.reason)).toEqual(['expired', 'malformed'])
      await broker.deadLetters.retry([broken.taskId])
      await expect(broken.result()).rejects.toMatchObject({ code: 'TASK_DEAD' })
      expect(letters[0]?.detail).toMatch(/^its arguments \(\d+ bytes\) were kept apart/)
    },
  },
  {
    name: 'a dead letter names them, is edited with them, and keeps them anew',
    async run({ broker: make, work }) {
      const broker = make()
      let broken = true
      const task = broker.task('task', async (text: string) => {
        if (broken) throw new Error('broken')
        return text.length
      })
      await work(broker)
      const handle = await task.kiq(large)
      await handle.waitResult()
      const letter = await broker.deadLetters.get(handle.taskId)
      const old = refOf(letter?.message)
      expect(await isThere(broker, old)).toBe(true)
      broken = false
      const edit = ({ message }: { message: Message }) => ({
        args: [`${String(message.args[0])}!`],
      })
      expect(await broker.deadLetters.retry([handle.taskId], { edit })).toEqual([handle.taskId])
      expect(await broker.handle(handle.taskId).result()).toBe(large.length + 1)
    },
  },
  {
    name: 'a dead letter whose arguments are gone runs with others',
    async run({ broker: make, work }) {
      const broker = make()
      const task = broker.task('task', async (text: string) => text.length)
      const handle = await task.kiq(large)
      const [one] = await stored(broker)
      await runtimeOf(broker).results.delete([refOf(one?.message)])
      await work(broker)
      await handle.waitResult()
      await broker.deadLetters.retry([handle.taskId], { edit: () => undefined })
      await expect(broker.handle(handle.taskId).result()).rejects.toMatchObject({
        code: 'TASK_DEAD',
      })
      await broker.deadLetters.retry([handle.taskId], { edit: () => ({ args: ['four'] }) })
      expect(await broker.handle(handle.taskId).result()).toBe(4)
    },
  },
  {
    name: 'a cancel and a purge delete them',
    async run({ broker: make }) {
      const broker = make()
      const length = broker.task('length', async (text: string) => text.length)
      const handle = await length.kiq(large)
      await length.kiq(large)
      const refs = (await stored(broker)).map(({ message }) => refOf(message))
      expect(await handle.cancel()).toBe(true)
      expect(await broker.purge('large')).toBe(1)
      expect(await runtimeOf(broker).results.get(refs)).toEqual([null, null])
    },
  },
]

const flowing: readonly ClaimCheckBehaviour[] = [
  {
    name: 'steps of a workflow have them beside the results of other steps',
    async run({ broker: make, work }) {
      const broker = make()
      const length = broker.task('length', async (text: string) => text.length)
      const repeat = broker.task('repeat', async (n: number, text: string) => text.length * n)
      const expander = broker.task(
        { name: 'expander', deps: { ctx: TaskContext } },
        async ({ ctx }) => ctx.expand(group([length.si(large), length.si('x')])),
      )
      await work(broker)
      const canvas = group([
        chain(length.s('ab'), repeat.s(large)),
        chain(expander.si()),
        length.si(large),
      ])
      const n = large.length
      expect(await (await canvas.kiq()).result()).toEqual([n * 2, [n, 1], n])
    },
  },
  {
    name: 'a step that failed has them again when its workflow is resumed',
    async run({ broker: make, work }) {
      const broker = make()
      let away = true
      const first = broker.task('first', async (text: string) => text.length)
      const second = broker.task('second', async (n: number, text: string) => {
        if (away) throw new Error('away')
        return n + text.length
      })
      await work(broker)
      const handle = await chain(first.s(large), second.s(large)).kiq()
      expect((await handle.waitResult()).isErr).toBe(true)
      away = false
      await handle.resume()
      expect(await handle.result()).toBe(large.length * 2)
    },
  },
  {
    name: 'a side step that has succeeded has them again when what it watches fails again',
    async run({ broker: make, work }) {
      const broker = make()
      let fails = 2
      const flaky = broker.task('flaky', async () => {
        if (fails-- > 0) throw new Error('away')
        return 'well'
      })
      const seen: number[] = []
      const note = broker.task('note', async (failure: WorkflowFailure, text: string) => {
        expect(failure).toMatchObject({ isErr: true })
        seen.push(text.length)
      })
      await work(broker)
      const handle = await flaky.si().onError(note.s(large)).kiq()
      for (let i = 0; i < 2; i++) {
        await handle.waitResult()
        await handle.resume()
      }
      expect(await handle.result()).toBe('well')
      expect(seen).toEqual([large.length, large.length])
    },
  },
  {
    name: 'a workflow whose step has lost them fails, and does not wait',
    async run({ broker: make, work }) {
      const broker = make()
      const length = broker.task('length', async (text: string) => text.length)
      const add = broker.task('add', async (n: number) => n)
      const handle = await chain(length.s(large), add.s()).kiq()
      const [one] = await stored(broker)
      await runtimeOf(broker).results.delete([refOf(one?.message)])
      await work(broker)
      const outcome = await handle.waitResult()
      expect(outcome.isErr && outcome.error.message).toMatch(/were kept apart from it and are gone/)
      const steps = (await handle.nodes()).filter(({ name }) => name !== 'end')
      expect(steps.map(({ name, status }) => [name, status])).toEqual([
        ['length', 'dead'],
        ['add', 'skipped'],
      ])
    },
  },
]

/** All of them. */
export const claimCheckBehaviours: readonly ClaimCheckBehaviour[] = [
  ...sending,
  ...running,
  ...flowing,
]

/** Each as a test, on a store of its own. */
export function claimCheckSuite(transport: () => string | TransportFactory): void {
  let stops: (() => Promise<void>)[] = []
  afterEach(async () => {
    for (const stop of stops.reverse()) await stop()
    stops = []
  })

  const stage: Stage = {
    broker: (options) => {
      const broker = createBroker({
        transport: transport(),
        logger: silentLogger,
        queue: 'large',
        claimCheck,
        ...options,
      })
      stops.push(() => broker.stop())
      return broker
    },
    work: async (broker, options) => {
      const worker = createWorker(broker, { concurrency: 10, ...options })
      stops.push(() => worker.stop())
      await worker.start()
      return worker
    },
  }

  describe('large arguments', () => {
    for (const { name, run } of claimCheckBehaviours) it(name, () => run(stage))
  })
}
