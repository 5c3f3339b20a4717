import { inTurn, lastOf, nameOf, onFreshStore, rateOf, tasksOf, warmUp } from '../scenario.ts'
import type { Line, Scenario } from '../scenario.ts'
import type { Way } from '../steps.ts'

const ways: readonly { way: Way; label: string; concurrency: number; full: number }[] = [
  { way: 'single', label: 'one by one', concurrency: 1, full: 5_000 },
  { way: 'together', label: '100 concurrent', concurrency: 100, full: 20_000 },
  { way: 'bulk', label: 'bulk, 1,000 a call', concurrency: 1, full: 50_000 },
]

/** Sending, without a worker. */
export const enqueue: Scenario = {
  name: 'enqueue',
  title: 'Enqueue: tasks of 100 bytes, awaited until stored',
  lines: (size) =>
    ways.map(({ way, label, concurrency, full }): Line => {
      const tasks = size(full)
      return {
        label,
        concurrency,
        prefetch: null,
        results: true,
        tasks,
        takesPart: ({ peer }) => !(peer === 'liteque' && way === 'bulk'),
        run: (bench, contender) =>
          onFreshStore(bench, contender, async (place) => {
            const subject = nameOf(contender, place, true)
            const sent = tasksOf(contender, tasks)
            const step = { kind: 'enqueue', way, tasks: sent, warm: warmUp(sent) } as const
            return rateOf(lastOf(await inTurn(bench, { ...contender, subject }, [step])))
          }),
      }
    }),
}
