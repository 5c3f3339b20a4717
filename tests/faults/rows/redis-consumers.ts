/** Row 6b: consumers that hold nothing are removed while their workers come back. */
import { systemClock } from '../../../src/core/clock.ts'
import { silentLogger } from '../../../src/core/logger.ts'
import { systemRandom } from '../../../src/core/random.ts'
import { removeConsumers } from '../../../src/redis/consumers.ts'
import { RedisStore } from '../../../src/redis/redis-store.ts'
import { shortfalls } from '../expectations.ts'
import { row } from '../row.ts'
import { onStage, shortLease, type Stage } from '../stage.ts'
import { pause } from '../worker/pause.ts'

/** Whoever holds nothing is taken to be gone, also those who live: harsher than the janitor is. */
const atOnce = { leases: 0, least: 0 }

/** Removes again and again until the returned function is called, which says how many there were. */
function removeAll(stage: Stage): () => Promise<number> {
  const around = { clock: systemClock, random: systemRandom, logger: silentLogger }
  const store = new RedisStore({ url: stage.redis.server.url }, around)
  let ended = false
  const removing = (async () => {
    let removed = 0
    await store.open(stage)
    while (!ended) {
      removed += await removeConsumers(store, ['taskiq'], { idle: atOnce })
      await pause(5)
    }
    await store.close(stage)
    return removed
  })()
  return () => {
    ended = true
    return removing
  }
}

/** Row 6b. */
export const removedConsumers = row({
  id: '6b',
  fault: 'a dead consumer is removed while its worker comes back; so are all that hold nothing',
  expected: 'nothing lost; the worker that comes back goes on; what it settles late is refused',
  engines: ['redis'],
  sizes: { A: { times: 3 }, B: { times: 50 }, C: { times: 500 } },
  run: (options, { times }) =>
    onStage(options, { name: 'consumers' }, async (stage) => {
      await stage.start()
      const end = removeAll(stage)
      const over = times * (2 * shortLease + 800)
      const sending = stage.sendWork(times * 200, { over, ms: 100, batch: 20 })
      let returned = 0
      for (let i = 0; i < times; i++) {
        await pause(200 + stage.draw(400))
        const member = stage.worker()
        stage.fleet.strike(member, 'SIGSTOP', 'stop')
        // Its leases end, others take what it held, and then it is a consumer without anything.
        await pause(2 * shortLease)
        stage.fleet.heal(member, 'stop')
        if (await goesOn(stage, member.pid)) returned++
        if (i % 10 === 9) stage.options.log(`${i + 1} of ${times} came back`)
      }
      await sending
      await stage.drain()
      const removed = await end()
      const { verdict, entries } = await stage.judge()
      const refused = entries.filter(
        (e) => e.kind === 'settled' && (e.status === 'taken' || e.status === 'gone'),
      ).length
      const told = entries.filter(({ kind }) => kind === 'lost').length
      const also = {
        [`all that were stopped went on (${returned} of ${times})`]: returned === times,
        'consumers were removed': removed > times,
      }
      return {
        verdict,
        faults: shortfalls(verdict, { duplicates: verdict.shadows + refused + told, also }),
        facts: { stops: times, removed, 'refused settles': refused, 'told lost': told },
      }
    }),
})

/** Whether a worker settles something new within a while. */
async function goesOn(stage: Stage, pid: number): Promise<boolean> {
  const count = (): number =>
    stage.count((e) => e.kind === 'settled' && e.pid === pid && e.status === 'settled')
  const before = count()
  const end = performance.now() + 30_000
  while (count() === before && performance.now() < end) {
    await stage.sendWork(20, { ms: 20 })
    await pause(100)
  }
  return count() > before
}
