import { lastOf, nameOf, onFreshStore } from '../scenario.ts'
import type { Scenario } from '../scenario.ts'

/** What a queued task takes of the store. */
export const storedBytes: Scenario = {
  name: 'bytes',
  title: 'Bytes per queued task with a payload of 100 bytes: of the file, or of the heap',
  lines: (size) => {
    const tasks = size(50_000)
    return [
      {
        label: 'queued',
        concurrency: null,
        prefetch: null,
        results: false,
        tasks,
        rounds: 1,
        shown: ['bytesPerTask'],
        takesPart: ({ peer }) => peer !== 'raw',
        run: (bench, contender) =>
          onFreshStore(bench, contender, async (place) => {
            const { engine } = contender
            const subject = nameOf(contender, place, false)
            if (engine.storedBytes === undefined) {
              const report = lastOf(await bench.children.run(subject, [{ kind: 'weigh', tasks }]))
              return { facts: { bytesPerTask: report.bytesPerTask ?? Number.NaN } }
            }
            await bench.children.run(subject, [{ kind: 'enqueue', way: 'bulk', tasks, warm: 0 }])
            return { facts: { bytesPerTask: (await engine.storedBytes(place)) / tasks } }
          }),
      },
    ]
  },
}
