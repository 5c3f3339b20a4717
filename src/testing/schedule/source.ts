import assert from 'node:assert/strict'
import type { SchedulePlan } from '../../core/schedule-plan.ts'
import type { ScheduleSource } from '../../core/schedule-source.ts'

/** What a source's author provides to run {@link scheduleSourceBehaviours}: a fresh store for each behaviour. */
export interface ScheduleSourceHarness {
  /** A new, started instance on the harness's one store, as another process would make it. */
  readonly open: () => Promise<ScheduleSource>
  /** An id that nobody has used. */
  readonly id: () => string
}

/** One promise of the contract, as a test that fails when it is broken. */
export interface ScheduleSourceBehaviour {
  /** A sentence, after the topic. */
  readonly name: string
  readonly run: (harness: ScheduleSourceHarness) => Promise<void>
}

const plan = (id: string, more: Partial<SchedulePlan> = {}): SchedulePlan => ({
  id,
  task: 'reports.send',
  args: ['weekly', { to: ['a', 'b'], n: 1.5, none: null }],
  kwargs: {},
  labels: {},
  cron: '0 5 * * MON',
  ...more,
})

async function plansOf(source: ScheduleSource): Promise<readonly SchedulePlan[]> {
  const { plans, whole } = await source.read()
  assert.equal(whole, true)
  return [...plans].sort((a, b) => (a.id < b.id ? -1 : 1))
}

/** What every writable {@link ScheduleSource} promises, as data for any test runner. */
export const scheduleSourceBehaviours: readonly ScheduleSourceBehaviour[] = [
  {
    name: 'put: a plan is read as it was put, by everybody',
    async run({ open, id }) {
      const [a, b] = [await open(), await open()]
      assert.equal(a.writable, true)
      assert.equal(a.identity, b.identity)
      const plans = [
        plan(id(), { timezone: 'Europe/Paris', queue: 'slow', overlap: 'queue-one', limit: 3 }),
        plan(id(), { cron: undefined, every: 1500, jitter: 20, kwargs: { x: 'ü' }, args: [] }),
        plan(id(), { cron: undefined, at: 1_800_000_000_123, start: 1, end: 1_900_000_000_000 }),
        plan(id(), { misfire: { policy: 'all', within: 5, after: 6 }, labels: { a: 'b', n: 3 } }),
      ].map(clean)
      await a.put(plans)
      assert.deepEqual(
        await plansOf(b),
        [...plans].sort((x, y) => (x.id < y.id ? -1 : 1)),
      )
    },
  },
  {
    name: 'put: a plan of the same id takes the place of the first',
    async run({ open, id }) {
      const source = await open()
      const name = id()
      await source.put([plan(name)])
      await source.put([plan(name, { cron: '0 6 * * *', args: [] })])
      const [only, ...more] = await plansOf(source)
      assert.equal(more.length, 0)
      assert.deepEqual([only?.cron, only?.args], ['0 6 * * *', []])
    },
  },
  {
    name: 'put: nobody can change a plan from outside',
    async run({ open, id }) {
      const source = await open()
      const args = [{ deep: ['x'] }]
      await source.put([plan(id(), { args })])
      args[0]?.deep.push('y')
      const [first] = await plansOf(source)
      const [arg] = (first?.args ?? []) as { deep: string[] }[]
      arg?.deep.push('z')
      assert.deepEqual((await plansOf(source))[0]?.args, [{ deep: ['x'] }])
    },
  },
  {
    name: 'remove: tells which were there',
    async run({ open, id }) {
      const [a, b] = [await open(), await open()]
      const [first, second] = [id(), id()]
      await a.put([plan(first), plan(second)])
      assert.deepEqual(await b.remove([first, id()]), [first])
      assert.deepEqual(await a.remove([first]), [])
      assert.deepEqual(
        (await plansOf(a)).map((each) => each.id),
        [second],
      )
    },
  },
  {
    name: 'read: what has changed since the last time, or all anew',
    async run({ open, id }) {
      const [a, b] = [await open(), await open()]
      const [kept, changed, removed, added] = [id(), id(), id(), id()]
      await a.put([plan(kept), plan(changed), plan(removed)])
      let known = new Map<string, SchedulePlan>()
      const follow = async (since?: string): Promise<string> => {
        const { stamp, whole, plans, removed: gone } = await b.read(since)
        if (whole) known = new Map()
        for (const each of plans) known.set(each.id, each)
        for (const each of gone) known.delete(each)
        return stamp
      }
      const first = await follow()
      const second = await follow(first)
      assert.equal(known.size, 3)
      await a.put([plan(changed, { cron: '1 1 * * *' }), plan(added)])
      await a.remove([removed])
      const third = await follow(second)
      assert.deepEqual([...known.keys()].sort(), [kept, changed, added].sort())
      assert.equal(known.get(changed)?.cron, '1 1 * * *')
      await a.remove([added])
      await a.put([plan(removed)])
      await follow(third)
      assert.deepEqual([...known.keys()].sort(), [kept, changed, removed].sort())
    },
  },
  {
    name: 'read: thousands of plans all come, and what has changed among them',
    async run({ open, id }) {
      const [a, b] = [await open(), await open()]
      const ids = Array.from({ length: 4500 }, id)
      await a.put(ids.map((each) => plan(each)))
      const { stamp, plans } = await b.read()
      assert.deepEqual(new Set(plans.map((each) => each.id)), new Set(ids))
      assert.equal(plans.length, ids.length)
      await a.remove(ids.slice(0, 2100))
      await a.put(ids.slice(2100).map((each) => plan(each, { cron: '1 1 * * *' })))
      const known = new Map(plans.map((each) => [each.id, each]))
      const next = await b.read(stamp)
      if (next.whole) known.clear()
      for (const each of next.removed) known.delete(each)
      for (const each of next.plans) known.set(each.id, each)
      assert.deepEqual([...known.keys()].sort(), ids.slice(2100).sort())
      assert.deepEqual(new Set([...known.values()].map(({ cron }) => cron)), new Set(['1 1 * * *']))
    },
  },
  {
    name: 'read: a stamp that it does not know is answered by all plans',
    async run({ open, id }) {
      const source = await open()
      await source.put([plan(id())])
      const { whole, plans } = await source.read('no stamp of this source')
      assert.equal(whole, true)
      assert.equal(plans.length, 1)
    },
  },
  {
    name: 'life cycle: start twice, stop twice, and again',
    async run({ open, id }) {
      const source = await open()
      await source.put([plan(id())])
      assert.equal((await plansOf(await open())).length, 1)
      await source.stop()
      await source.stop()
    },
  },
]

/** Only what is set, as a source gives it back. */
function clean(given: SchedulePlan): SchedulePlan {
  return Object.fromEntries(
    Object.entries(given).filter(([, value]) => value !== undefined),
  ) as unknown as SchedulePlan
}
