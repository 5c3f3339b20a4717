import { nameOf, onFreshStore } from '../scenario.ts'
import type { Line, Scenario } from '../scenario.ts'
import type { Step } from '../steps.ts'

/** One worker process against two on the same store. They share the machine's cores with each other. */
export const workers: Scenario = {
  name: 'workers',
  title: 'Workers: a backlog of no-op tasks run by one and by two worker processes',
  lines: (size) =>
    [1, 2].map((count): Line => {
      const tasks = size(50_000)
      return {
        label: count === 1 ? 'one worker' : 'two workers',
        concurrency: 100,
        prefetch: 100,
        results: false,
        tasks,
        takesPart: ({ peer, engine }) => peer !== 'raw' && engine.shared,
        run: (bench, contender) =>
          onFreshStore(bench, contender, async (place) => {
            const subject = nameOf(contender, place, false)
            await bench.children.run(subject, [{ kind: 'fill', tasks }])
            const step: Step = { kind: 'drain', concurrency: 100, prefetch: 100 }
            const reports = (
              await Promise.all(
                Array.from({ length: count }, () => bench.children.run(subject, [step])),
              )
            ).flat()
            const first = Math.min(...reports.map(({ firstAt = Infinity }) => firstAt))
            const last = Math.max(...reports.map(({ lastAt = -Infinity }) => lastAt))
            const shares = reports.map((report) => report.tasks / tasks)
            return {
              perSecond: tasks / ((last - first) / 1000),
              facts: { least: Math.min(...shares) },
            }
          }),
      }
    }),
}
