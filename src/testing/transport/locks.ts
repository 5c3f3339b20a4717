import assert from 'node:assert/strict'
import type { Locks, Permit } from '../../core/locks.ts'
import type { TransportBehaviour, TransportHarness } from './harness.ts'
import { longLease, slack } from './verbs.ts'

async function locksOf(harness: TransportHarness): Promise<Locks> {
  const { locks } = await harness.open()
  assert.ok(locks, 'this engine says that it has locks, and has none')
  return locks
}

async function held(permit: Promise<Permit | null>): Promise<Permit> {
  const found = await permit
  assert.ok(found)
  return found
}

/** Locks: who holds what, and for how long. */
export const lockBehaviours: readonly TransportBehaviour[] = [
  {
    name: 'locks: a key has as many holders as its limit, in all processes together',
    needs: 'locks',
    async run(harness) {
      const [a, b] = [await locksOf(harness), await locksOf(harness)]
      const ask = { limit: 2, ms: longLease }
      const first = await held(a.acquire('key', { ...ask, holder: 'a' }))
      await held(b.acquire('key', { ...ask, holder: 'b' }))
      assert.equal(await a.acquire('key', { ...ask, holder: 'c' }), null)
      await held(a.acquire('other key', { ...ask, holder: 'c' }))
      assert.equal(await b.free(first), true)
      await held(a.acquire('key', { ...ask, holder: 'c' }))
    },
  },
  {
    name: 'locks: a holder that asks again keeps its permit and its fence',
    needs: 'locks',
    async run(harness) {
      const locks = await locksOf(harness)
      const ask = { holder: 'a', limit: 1, ms: longLease }
      const first = await held(locks.acquire('key', ask))
      assert.deepEqual(await locks.acquire('key', ask), first)
      assert.deepEqual([first.key, first.holder], ['key', 'a'])
    },
  },
  {
    name: 'locks: a hold ends by itself, and the next one has a higher fence',
    needs: 'locks',
    async run(harness) {
      const [a, b] = [await locksOf(harness), await locksOf(harness)]
      const first = await held(a.acquire('key', { holder: 'a', limit: 1, ms: harness.lease }))
      assert.equal(await b.acquire('key', { holder: 'b', limit: 1, ms: longLease }), null)
      await harness.advance(harness.lease + slack)
      const second = await held(b.acquire('key', { holder: 'b', limit: 1, ms: longLease }))
      assert.ok(second.fence > first.fence)
      assert.equal(await a.renew(first, longLease), false)
      assert.equal(await a.free(first), false)
      assert.equal(await b.renew(second, longLease), true)
    },
  },
  {
    name: 'locks: a renewed hold lasts, and a freed one does not',
    needs: 'locks',
    async run(harness) {
      const locks = await locksOf(harness)
      const permit = await held(locks.acquire('key', { holder: 'a', limit: 1, ms: harness.lease }))
      assert.equal(await locks.renew(permit, 4 * harness.lease), true)
      await harness.advance(2 * harness.lease)
      assert.equal(await locks.acquire('key', { holder: 'b', limit: 1, ms: 1 }), null)
      assert.equal(await locks.free(permit), true)
      assert.equal(await locks.free(permit), false)
      assert.equal(await locks.renew(permit, longLease), false)
      await held(locks.acquire('key', { holder: 'b', limit: 1, ms: longLease }))
    },
  },
  {
    name: 'locks: of many that ask at once, as many get one as there are',
    needs: 'locks',
    async run(harness) {
      const all = [await locksOf(harness), await locksOf(harness), await locksOf(harness)]
      const asked = all.flatMap((locks, i) =>
        Array.from({ length: 10 }, (_, j) =>
          locks.acquire('key', { holder: `h${i}-${j}`, limit: 4, ms: longLease }),
        ),
      )
      const permits = (await Promise.all(asked)).filter((permit) => permit !== null)
      assert.equal(permits.length, 4)
      assert.equal(new Set(permits.map(({ fence }) => fence)).size, 4)
    },
  },
  {
    name: 'locks: who waits for a key is woken when it is given back, by whatever process',
    needs: 'locks',
    async run(harness) {
      const [a, b] = [await locksOf(harness), await locksOf(harness)]
      const permit = await held(a.acquire('key', { holder: 'a', limit: 1, ms: longLease }))
      let wake: () => void = () => {}
      const woken = new Promise<void>((resolve) => (wake = resolve))
      const stop = await b.onFreed('key', wake)
      assert.equal(await a.free(permit), true)
      await woken
      stop()
      await held(b.acquire('key', { holder: 'b', limit: 1, ms: longLease }))
    },
  },
]
