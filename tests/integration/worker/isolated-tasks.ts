/**
 * Tasks that run isolated: loaded by the test, and again in each thread and process.
 */
import { spawn } from 'node:child_process'
import { renameSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import * as z from 'zod'
import {
  NonRetryableError,
  TaskContext,
  createBroker,
  dependency,
  group,
  isTaskwrightError,
  logTo,
  type LogFields,
} from '../../../src/index.ts'

export const lines: { level: string; message: string; fields: LogFields }[] = []
export const broker = createBroker({
  transport: 'memory:',
  limits: { calls: { limit: 100, per: '1s' } },
  logger: logTo((level, message, fields) => void lines.push({ level, message, fields })),
})

const picky = dependency({ ctx: TaskContext }, ({ ctx }) => ctx.reject('the provider says no'))
const made = dependency(async function* () {
  yield { at: new Date(0) }
})

class Point {
  readonly x = 1
}

function define(kind: 'thread' | 'process') {
  const isolate = kind
  const ctx = { ctx: TaskContext }
  return {
    add: broker.task({ name: `${kind}.add`, isolate }, async (a: number, b: number) => a + b),
    rich: broker.task({ name: `${kind}.rich`, isolate }, async (at: Date, n: bigint) => [at, n]),
    expands: broker.task(
      { name: `${kind}.expands`, isolate, deps: ctx },
      async ({ ctx: context }) => context.expand(group([])),
    ),
    replaced: broker.task(
      { name: `${kind}.replaced`, isolate, deps: ctx },
      async ({ ctx: context }) => context.replace(group([])),
    ),
    nothing: broker.task({ name: `${kind}.nothing`, isolate }, async () => {}),
    pid: broker.task({ name: `${kind}.pid`, isolate }, async () => process.pid),
    parsed: broker.task(
      { name: `${kind}.parsed`, isolate, input: z.object({ n: z.string().transform(Number) }) },
      async ({ n }) => n + 1,
    ),
    named: broker.task(
      { name: `${kind}.named`, isolate, params: ['a', 'b'] },
      async (a: number, b: number) => a - b,
    ),
    context: broker.task(
      { name: `${kind}.context`, isolate, deps: { ...ctx, made } },
      async ({ ctx: context, made: value }, n: number) => {
        await context.progress('halfway', { n })
        context.logger.child({ extra: 1 }).info('from inside', { run: () => {} })
        context.logger.warn('plain', { n })
        const { taskId, taskName, queue, attempt, redeliveries, labels, args, input } = context
        const facts = {
          taskId,
          taskName,
          queue,
          attempt,
          redeliveries,
          labels,
          args: args.map(String),
        }
        return {
          ...facts,
          input: input === undefined,
          at: value.at,
          aborted: context.signal.aborted,
        }
      },
    ),
    fails: broker.task({ name: `${kind}.fails`, isolate }, async () => {
      throw new RangeError('outer', { cause: new TypeError('inner') })
    }),
    hopeless: broker.task(
      { name: `${kind}.hopeless`, isolate, retry: { max: 5, backoff: 1 } },
      async () => {
        throw new NonRetryableError('no use')
      },
    ),
    retries: broker.task(
      { name: `${kind}.retries`, isolate, retry: { max: 2, backoff: '1h' }, deps: ctx },
      async ({ ctx: context }) =>
        context.attempt < 3 ? context.retry({ delay: 1 }) : context.attempt,
    ),
    rejects: broker.task(
      { name: `${kind}.rejects`, isolate, deps: ctx },
      async ({ ctx: context }) => context.reject('not for me'),
    ),
    picky: broker.task({ name: `${kind}.picky`, isolate, deps: { picky } }, async () => {}),
    commits: broker.task(
      { name: `${kind}.commits`, isolate, deps: ctx },
      async ({ ctx: context }) => void context.commit({}),
    ),
    exits: broker.task(
      { name: `${kind}.exits`, isolate, retry: { max: 1, backoff: 1 }, deps: ctx },
      async ({ ctx: context }, last: number) =>
        context.attempt >= last ? context.attempt : process.exit(3),
    ),
    rejection: broker.task({ name: `${kind}.rejection`, isolate }, async () => {
      void Promise.reject(new Error('nobody looks'))
      await sleep(60_000)
    }),
    blocks: broker.task({ name: `${kind}.blocks`, isolate, timeout: '1s' }, async () => {
      for (;;) Math.sqrt(2)
    }),
    waits: broker.task({ name: `${kind}.waits`, isolate, deps: ctx }, async ({ ctx: context }) => {
      await context.progress('begun')
      await sleep(60_000)
    }),
    // What the types refuse, as a caller without types could write it.
    unclonable: broker.task(
      { name: `${kind}.unclonable`, isolate, retry: { max: 3 } },
      async () => {
        const value: unknown = { run: () => {} }
        return value as string
      },
    ),
    instance: broker.task({ name: `${kind}.instance`, isolate, retry: { max: 3 } }, async () => {
      const value: unknown = new Point()
      return value as string
    }),
    metas: broker.task({ name: `${kind}.metas`, isolate, deps: ctx }, async ({ ctx: context }) => {
      const refused = await context.progress('x', { run: () => {} }).catch(String)
      return String(refused)
    }),
    holds: broker.task(
      { name: `${kind}.holds`, isolate, deps: ctx, retry: { max: 1, backoff: 1 } },
      async ({ ctx: context }) => {
        await using lock = await context.lock(kind, { ttl: '20s' })
        await lock.extend()
        let made = false
        const first = await context.once('step', () => {
          made = true
          return context.attempt
        })
        if (context.attempt === 1) throw new Error('again')
        const own = new RangeError('own')
        const thrown: unknown = await context
          .once('fails', () => Promise.reject(own))
          .catch((error: unknown) => error)
        const locked: unknown = await context
          .lock(kind, { wait: 0 })
          .catch((error: unknown) => error)
        const unknown: unknown = await context
          .limit('none')
          .acquire()
          .catch((error: unknown) => error)
        return {
          first,
          made,
          own: thrown === own,
          token: lock.token > 0,
          locked: isTaskwrightError(locked, 'LOCKED'),
          waited: await context.limit('calls').acquire(),
          unknown: String(unknown).includes("no limit 'none'"),
          released: await lock.release(),
          twice: await lock.release(),
        }
      },
    ),
    skips: broker.task({ name: `${kind}.skips`, isolate, deps: ctx }, async ({ ctx: context }) => {
      await context.lock('taken', { ifLocked: 'skip' })
      return 'ran'
    }),
    sends: broker.task({ name: `${kind}.sends`, isolate }, async () => {
      const error: unknown = await far.kiq().catch((thrown: unknown) => thrown)
      return String(error)
    }),
    sendsTo: broker.task({ name: `${kind}.sends-to`, isolate }, async (file: string) => {
      await using shared = createBroker(`sqlite:${file}`)
      await shared.remoteTask<[], void>('far').kiq()
    }),
  }
}

const far = broker.remoteTask<[], void>('far')
export const thread = define('thread')
export const child = define('process')

// An export for each task: that is how an isolated run finds it.
export const {
  add: t1,
  rich: t2,
  nothing: t3,
  pid: t4,
  parsed: t5,
  context: t6,
  fails: t7,
  hopeless: t8,
  retries: t9,
  rejects: t10,
  picky: t11,
  commits: t12,
  exits: t13,
  rejection: t14,
  blocks: t15,
  waits: t16,
  unclonable: t17,
  instance: t18,
  metas: t19,
  sends: t20,
  sendsTo: t21,
  named: t22,
  expands: t23,
  replaced: t24,
  holds: t25,
  skips: t26,
} = thread
export const {
  add: p1,
  rich: p2,
  nothing: p3,
  pid: p4,
  parsed: p5,
  context: p6,
  fails: p7,
  hopeless: p8,
  retries: p9,
  rejects: p10,
  picky: p11,
  commits: p12,
  exits: p13,
  rejection: p14,
  blocks: p15,
  waits: p16,
  unclonable: p17,
  instance: p18,
  metas: p19,
  sends: p20,
  sendsTo: p21,
  named: p22,
  expands: p23,
  replaced: p24,
  holds: p25,
  skips: p26,
} = child

/** Starts a process that outlives its parent, unless the whole group is killed. */
export const spawns = broker.task(
  { name: 'process.spawns', isolate: 'process' },
  async (file: string) => {
    const sleeper = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 600000)'])
    writeFileSync(`${file}.new`, String(sleeper.pid))
    renameSync(`${file}.new`, file)
    await sleep(60_000)
  },
)
/** Signals that a terminal or a service manager sends to all processes at once. */
export const signalled = broker.task(
  { name: 'process.signalled', isolate: 'process' },
  async () => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.kill(process.pid, signal)
    await sleep(50)
    return process.pid > 0
  },
)
const hidden = broker.task(
  { name: 'thread.hidden', isolate: 'thread', retry: { max: 3 } },
  async () => {},
)
export const sendHidden = () => hidden.kiq()
