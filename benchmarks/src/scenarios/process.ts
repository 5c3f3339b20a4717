import { inTurn, lastOf, nameOf, onFreshStore, rateOf, tasksOf, warmUp } from '../scenario.ts'
import type { Bench, Contender, Line, Sample, Scenario } from '../scenario.ts'

/** How a backlog is run. */
export interface BacklogRun {
  readonly concurrency: number
  readonly prefetch: number
  readonly results: boolean
  readonly tasks: number
  readonly sleep?: number
}

/** Fills a fresh store, then runs what is in it in a process of its own. */
export function processBacklog(
  bench: Bench,
  contender: Contender,
  { concurrency, prefetch, results, tasks: wanted, sleep = 0 }: BacklogRun,
): Promise<Sample> {
  const tasks = tasksOf(contender, wanted)
  return onFreshStore(bench, contender, async (place) => {
    const subject = nameOf(contender, place, results)
    const warm = warmUp(tasks)
    const reports = await inTurn(bench, { ...contender, subject }, [
      { kind: 'fill', tasks: tasks + warm },
      { kind: 'process', tasks, warm, concurrency, prefetch, sleep },
    ])
    return rateOf(lastOf(reports))
  })
}

const runs: readonly { concurrency: number; prefetch: number; results: boolean; full: number }[] = [
  { concurrency: 1, prefetch: 0, results: false, full: 40_000 },
  { concurrency: 1, prefetch: 1, results: false, full: 5_000 },
  { concurrency: 1, prefetch: 100, results: false, full: 30_000 },
  { concurrency: 10, prefetch: 1, results: false, full: 10_000 },
  { concurrency: 10, prefetch: 100, results: false, full: 10_000 },
  { concurrency: 100, prefetch: 1, results: false, full: 20_000 },
  { concurrency: 100, prefetch: 100, results: false, full: 100_000 },
  { concurrency: 100, prefetch: 100, results: true, full: 100_000 },
]

/** The main table: a backlog of tasks that do nothing. */
export const process: Scenario = {
  name: 'process',
  title: 'Process: a backlog of no-op tasks, one worker process',
  lines: (size) =>
    runs.map(({ full, ...how }): Line => {
      const tasks = size(full)
      return {
        ...how,
        tasks,
        label: `concurrency ${how.concurrency}, prefetch ${how.prefetch}${how.results ? ', results' : ''}`,
        // A peer has no prefetch to set, and few keep results: it stands in one line for each concurrency.
        takesPart: ({ library }) =>
          library === undefined ||
          ((!how.results || library.keepsResults === true) &&
            (how.prefetch === 100 || how.concurrency === 1)),
        run: (bench, contender) => processBacklog(bench, contender, { ...how, tasks }),
      }
    }),
}

/** Handlers that wait: what counts is whether all slots are kept busy. */
export const sleepers: Scenario = {
  name: 'sleepers',
  title: 'Sleepers: tasks that wait 10 ms, concurrency 100 (10,000 a second at best)',
  lines: (size) => {
    const how = { concurrency: 100, prefetch: 100, results: false, tasks: size(10_000) }
    return [
      {
        ...how,
        label: 'concurrency 100, prefetch 100',
        ideal: 10_000,
        takesPart: ({ peer }) => peer !== 'raw',
        run: (bench, contender) => processBacklog(bench, contender, { ...how, sleep: 10 }),
      },
    ]
  },
}

/** What a worker process weighs after its tasks. */
export const memoryUse: Scenario = {
  name: 'memory',
  title: 'Worker memory after 50,000 no-op tasks, in MB (heap not collected)',
  lines: (size) => {
    const how = { concurrency: 100, prefetch: 100, results: false, tasks: size(50_000) }
    return [
      {
        ...how,
        label: 'concurrency 100, prefetch 100',
        shown: ['rssMb', 'heapMb'],
        takesPart: () => true,
        async run(bench, contender) {
          const { facts = {} } = await processBacklog(bench, contender, how)
          return { facts }
        },
      },
    ]
  },
}
