/**
 * A worker, its store and its clock under random fates: whatever its tasks do, and whenever it is
 * replaced by another, each message ends exactly once, in the way that its runs add up to.
 */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { sleep } from '../../src/core/clock.ts'
import type { Claim } from '../../src/core/delivery.ts'
import { NonRetryableError } from '../../src/core/errors.ts'
import type { TaskStatus } from '../../src/core/states.ts'
import { TaskContext } from '../../src/dependencies/task-context.ts'
import { stage } from '../unit/worker/stage.ts'

const lease = 1000
const allowedLosses = 2
const steps = ['ok', 'fail', 'retry', 'final', 'reject', 'lose'] as const
type Step = (typeof steps)[number]

/** What a run does, by its attempt and by the leases that were lost before it. */
interface Fate {
  readonly max: number
  readonly steps: readonly (readonly Step[])[]
  readonly takes: number
}

const fate: fc.Arbitrary<Fate> = fc.record({
  max: fc.integer({ min: 0, max: 2 }),
  steps: fc.array(fc.array(fc.constantFrom(...steps), { minLength: 3, maxLength: 3 }), {
    minLength: 3,
    maxLength: 3,
  }),
  takes: fc.integer({ min: 0, max: 300 }),
})

const stepOf = ({ steps: all }: Fate, attempt: number, losses: number): Step =>
  all[attempt - 1]?.[losses] ?? 'ok'

/** How a message must end, and after how many runs. */
function expected(one: Fate): { status: TaskStatus; runs: number } {
  let [attempt, losses] = [1, 0]
  for (let runs = 1; ; runs++) {
    const step = stepOf(one, attempt, losses)
    if (step === 'ok') return { status: 'succeeded', runs }
    if (step === 'final') return { status: 'failed', runs }
    if (step === 'reject') return { status: 'dead', runs }
    if (step === 'lose') {
      if (++losses > allowedLosses) return { status: 'dead', runs }
      continue
    }
    if (attempt++ > one.max) return { status: 'failed', runs }
    losses = 0
  }
}

/** Concurrency and prefetch. */
type Size = readonly [number, number]

/** Lives the fates through; `replaced` are the times at which the worker gives way to another. */
async function live(
  fates: readonly Fate[],
  replaced: readonly number[],
  [concurrency, prefetch]: Size,
) {
  const byId = new Map(fates.map((one, i) => [`m${i}`, one]))
  const doomed = new Set<unknown>()
  // A process that dies renews nothing, settles nothing and gives nothing back.
  const dead = ({ token }: Claim): boolean => doomed.has(token)
  const set = stage((inner) => ({
    keepLeases(options) {
      const keeper = inner.keepLeases(options)
      return { ...keeper, keep: (claims) => keeper.keep(claims.filter((claim) => !dead(claim))) }
    },
    async receive(request) {
      const deliveries = await inner.receive(request)
      for (const { id, body, redeliveries, token } of deliveries) {
        const failed = Number(set.runtime.codec.decodeMessage(body).labels['_retries'] ?? 0)
        if (stepOf(byId.get(id)!, failed + 1, redeliveries) === 'lose') doomed.add(token)
      }
      return deliveries
    },
    async settle(settlements) {
      const alive = settlements.filter(({ claim }) => !dead(claim))
      const statuses = await inner.settle(alive)
      return settlements.map((one) => statuses[alive.indexOf(one)] ?? 'gone')
    },
    async release(claims) {
      await inner.release(claims.filter((claim) => !dead(claim)))
      return claims.map(() => 'settled')
    },
  }))
  const { broker, clock } = set
  const runs = new Map<string, number>()
  const suspects = { now: 0, most: 0 }
  const task = broker.task(
    { name: 't', retry: { backoff: 50 }, deps: { ctx: TaskContext } },
    async ({ ctx }) => {
      const { taskId, attempt, redeliveries, signal } = ctx
      const one = byId.get(taskId)!
      runs.set(taskId, (runs.get(taskId) ?? 0) + 1)
      const step = stepOf(one, attempt, redeliveries)
      const suspect = redeliveries > 0 ? 1 : 0
      suspects.most = Math.max(suspects.most, (suspects.now += suspect))
      await sleep(clock, step === 'lose' ? lease * 1.5 : one.takes, { signal })
      suspects.now -= suspect
      if (signal.aborted) throw signal.reason as Error
      if (step === 'fail') throw new Error('fail')
      if (step === 'retry') ctx.retry({ delay: 20 })
      if (step === 'final') throw new NonRetryableError('final')
      if (step === 'reject') ctx.reject('reject')
      return step
    },
  )
  for (const [id, { max }] of byId)
    await task.kicker().withTaskId(id).withLabels({ max_retries: max + 1 }).kiq() // prettier-ignore
  const options = { lease, redeliveries: allowedLosses, concurrency, prefetch, grace: 100 }
  let worker = await set.work(options)
  for (const time of replaced) {
    await clock.advance(time)
    const stopping = worker.stop({ timeout: 0 })
    await clock.advance(200)
    await stopping
    worker = await set.work(options)
  }
  const ended = (): boolean =>
    new Set(
      set.events('task-settled').flatMap(({ id, status }) => (status === 'retrying' ? [] : [id])),
    ).size === fates.length
  for (let i = 0; i < 100 && !ended(); i++) await clock.advance(lease)
  const stopping = worker.stop()
  await clock.advance(lease * 2)
  await stopping
  return { ...set, runs, suspects, worker, ids: [...byId.keys()] }
}

async function check(fates: readonly Fate[], replaced: readonly number[], size: Size) {
  const { broker, events, runs, suspects, worker, ids } = await live(fates, replaced, size)
  const settled = events('task-settled')
  for (const [i, id] of ids.entries()) {
    const { status, runs: least } = expected(fates[i]!)
    expect(await broker.handle(id).status()).toBe(status)
    const ends = settled.filter((event) => event.id === id && event.status !== 'retrying')
    expect(ends.map((event) => event.status)).toEqual([status])
    const retries = settled.filter((event) => event.id === id && event.status === 'retrying')
    expect(retries.length).toBeLessThanOrEqual(fates[i]!.max)
    // What is given back at a shutdown begins again; what waits in a dying worker is lost without a run.
    const [fewest, most] = replaced.length > 0 ? [0, Infinity] : [size[1] === 0 ? least : 0, least]
    expect(runs.get(id) ?? 0).toBeGreaterThanOrEqual(fewest)
    expect(runs.get(id) ?? 0).toBeLessThanOrEqual(most)
  }
  expect(suspects.most).toBeLessThanOrEqual(1)
  expect(worker.counts).toMatchObject({ running: 0, prefetched: 0 })
  expect(await broker.inspector.queues()).toMatchObject([{ queued: 0, scheduled: 0, running: 0 }])
}

const many = fc.array(fate, { minLength: 1, maxLength: 8 })
const size = fc.tuple(fc.integer({ min: 1, max: 4 }), fc.constantFrom(0, 0, 2))

it('each message ends exactly once, as its runs add up to; one suspect runs at a time', async () => {
  await fc.assert(
    fc.asyncProperty(many, size, (fates, given) => check(fates, [], given)),
    { numRuns: 60 },
  )
}, 120_000)

it('also when workers come and go', async () => {
  const times = fc.array(fc.integer({ min: 1, max: 2500 }), { minLength: 1, maxLength: 4 })
  await fc.assert(
    fc.asyncProperty(many, times, size, (fates, replaced, given) => check(fates, replaced, given)),
    { numRuns: 60 },
  )
}, 120_000)
