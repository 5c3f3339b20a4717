import { shortfalls } from '../expectations.ts'
import { row } from '../row.ts'
import { onStage, shortLease } from '../stage.ts'
import { pause } from '../worker/pause.ts'

/**
 * Leases end, the scan that takes them back comes once a second at the latest, and what is taken back
 * is run one at a time in each process.
 */
const rescueBound = shortLease + 1000 + 3000

/** Row 1: workers are killed at random while a producer sends. */
export const randomKills = row({
  id: '1',
  fault: 'worker SIGKILL, at random',
  expected: 'nothing lost; duplicates ≤ in flight; rescue p99 < lease + scan',
  engines: ['sqlite', 'redis'],
  sizes: {
    A: { tasks: 2000, kills: 10, least: 200, most: 800 },
    B: { tasks: 100_000, kills: 300, least: 200, most: 1200 },
    C: { tasks: 1_000_000, kills: 3000, least: 200, most: 1200 },
  },
  run: (options, { tasks, kills, least, most }) =>
    onStage(options, { name: 'random-kills' }, async (stage) => {
      await stage.start()
      // Small and often, so that each kill finds something in its hands.
      const work = { over: (kills * (least + most)) / 2, batch: 20, ms: 100 }
      const sending = stage.sendWork(tasks, work)
      for (let i = 0; i < kills; i++) {
        await pause(least + stage.draw(most - least))
        // On a busy machine they start slowly: one that does not work yet has nothing in its hands.
        while (stage.fleet.working.length < 2) await pause(50)
        const member = stage.pick(stage.fleet.working)
        stage.fleet.strike(member, 'SIGKILL', 'kill')
        await member.gone
        stage.fleet.start(member.no)
        if (i % 10 === 9) stage.options.log(`${i + 1} of ${kills} kills`)
      }
      await sending
      await stage.drain()
      const { verdict } = await stage.judge()
      const also = {
        // One that is still starting when all are told to stop dies of that, and is counted too.
        'every kill was seen': verdict.kills >= kills,
        'what the dead held was taken back': verdict.recovery.count > 0,
        [`rescue p99 (${verdict.recovery.p99} ms) within ${rescueBound} ms`]:
          verdict.recovery.p99 <= rescueBound,
      }
      return { verdict, faults: shortfalls(verdict, { also }), facts: {} }
    }),
})
