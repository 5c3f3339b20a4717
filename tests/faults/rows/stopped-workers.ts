import { shortfalls } from '../expectations.ts'
import { row } from '../row.ts'
import { onStage, shortLease, type Stage } from '../stage.ts'
import { pause } from '../worker/pause.ts'

/** Stops a random worker for longer than its leases last, and lets it go on; again and again. */
export async function stopAndContinue(stage: Stage, times: number): Promise<void> {
  for (let i = 0; i < times; i++) {
    await pause(200 + stage.draw(400))
    const member = stage.worker()
    stage.fleet.strike(member, 'SIGSTOP', 'stop')
    await pause(2 * shortLease)
    stage.fleet.heal(member, 'stop')
    if (i % 10 === 9) stage.options.log(`${i + 1} of ${times} stops`)
  }
}

/** Row 6: a worker sleeps through its leases. */
export const stoppedWorkers = row({
  id: '6',
  fault: 'worker SIGSTOP for two leases, then SIGCONT',
  expected: 'rescued by others; whatever the old holder settles is refused',
  engines: ['sqlite', 'redis'],
  sizes: {
    A: { tasks: 1500, stops: 3 },
    B: { tasks: 20_000, stops: 50 },
    C: { tasks: 200_000, stops: 500 },
  },
  run: (options, { tasks, stops }) =>
    onStage(options, { name: 'stopped' }, async (stage) => {
      await stage.start()
      const over = stops * (2 * shortLease + 400)
      const sending = stage.sendWork(tasks, { over, ms: 800, batch: 50 })
      await stopAndContinue(stage, stops)
      await sending
      await stage.drain()
      const { verdict, entries } = await stage.judge()
      const refused = entries.filter(
        (e) => e.kind === 'settled' && (e.status === 'taken' || e.status === 'gone'),
      ).length
      const told = entries.filter(({ kind }) => kind === 'lost').length
      const also = {
        'old holders tried to settle, or were told': refused + told > 0,
        'others took what they held': entries.some((e) => e.kind === 'claim' && e.redeliveries > 0),
      }
      return {
        verdict,
        // What a stopped holder still finishes is a second run, and refused.
        faults: shortfalls(verdict, { duplicates: verdict.shadows + refused + told, also }),
        facts: { stops, 'refused settles': refused, 'told lost': told },
      }
    }),
})
