import { lastOf, nameOf, onFreshStore } from '../scenario.ts'
import type { Scenario } from '../scenario.ts'

/** A long run: does anything stay behind? */
export const leak: Scenario = {
  name: 'leak',
  title:
    'Leak: heap growth over 1,000,000 no-op tasks (last three quarters), handles and listeners',
  onRequest: true,
  lines: (size) => {
    const tasks = size(1_000_000)
    return [
      {
        label: `${tasks.toLocaleString('en')} tasks`,
        concurrency: 100,
        prefetch: 100,
        results: false,
        tasks,
        rounds: 1,
        shown: [
          'bytesPerThousand',
          'handlesFirst',
          'handlesLast',
          'listenersFirst',
          'listenersLast',
          'rssMb',
        ],
        takesPart: ({ peer }) => peer === 'taskwright',
        run: (bench, contender) =>
          onFreshStore(bench, contender, async (place) => {
            // Results that are kept in the heap would be growth by design.
            const subject = nameOf(contender, place, contender.engine.shared)
            const step = { kind: 'leak', tasks, concurrency: 100 } as const
            const report = lastOf(await bench.children.run(subject, [step]))
            const { client, store, seconds, rssMb } = report
            if (report.leak === undefined) throw new Error('the leak watch has no report')
            const { bytesPerThousand, handles, listeners } = report.leak
            const facts = {
              bytesPerThousand,
              handlesFirst: handles[0],
              handlesLast: handles[1],
              listenersFirst: listeners[0],
              listenersLast: listeners[1],
              rssMb,
            }
            return { perSecond: tasks / seconds, client, store, facts }
          }),
      },
    ]
  },
}
