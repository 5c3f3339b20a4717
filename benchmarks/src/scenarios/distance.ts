import { farPlace } from '../far-place.ts'
import { lastOf, nameOf, onFreshStore, rateOf, warmUp } from '../scenario.ts'
import type { Contender, Line, Scenario } from '../scenario.ts'
import type { Step } from '../steps.ts'

/** Milliseconds that each answer takes longer. */
const away = 1

interface Run {
  readonly label: string
  readonly concurrency: number
  readonly prefetch: number | null
  readonly full: number
  readonly step: (tasks: number) => Step
}

const works = (concurrency: number, prefetch: number): Run['step'] => {
  return (tasks) => ({
    kind: 'process',
    tasks,
    warm: warmUp(tasks),
    concurrency,
    prefetch,
    sleep: 0,
  })
}

const runs: readonly Run[] = [
  {
    label: 'concurrency 100',
    concurrency: 100,
    prefetch: 100,
    full: 50_000,
    step: works(100, 100),
  },
  { label: 'concurrency 1', concurrency: 1, prefetch: 100, full: 5_000, step: works(1, 100) },
  {
    label: 'sends one by one',
    concurrency: 1,
    prefetch: null,
    full: 2_000,
    step: (tasks) => ({ kind: 'enqueue', way: 'single', tasks, warm: warmUp(tasks) }),
  },
  {
    label: 'sends, 100 at a time',
    concurrency: 100,
    prefetch: null,
    full: 20_000,
    step: (tasks) => ({ kind: 'enqueue', way: 'together', tasks, warm: warmUp(tasks) }),
  },
]

/** A server that is not on this machine: every answer comes a millisecond later. */
export const distance: Scenario = {
  name: 'distance',
  title: 'Distance: the server is 1 ms of round-trip time away (a proxy that takes CPU of its own)',
  lines: (size) =>
    runs.map(({ full, step, ...how }): Line => {
      const tasks = size(full)
      return {
        ...how,
        results: false,
        tasks,
        takesPart: ({ engine }) => engine.isServer === true,
        run: (bench, contender) =>
          onFreshStore(bench, contender, async (place) => {
            const work = step(tasks)
            // What is to be worked on is there already; only the work is done from afar.
            if (work.kind === 'process') {
              const near = nameOf(contender, place, false)
              await bench.children.run(near, [{ kind: 'fill', tasks: tasks + work.warm }])
            }
            return fromAfar(place, contender, (far) => bench.children.run(far, [work]))
          }),
      }
    }),
}

async function fromAfar(
  place: string,
  contender: Contender,
  work: (subject: ReturnType<typeof nameOf>) => Promise<readonly Parameters<typeof rateOf>[0][]>,
): Promise<ReturnType<typeof rateOf>> {
  const far = await farPlace(place, away)
  try {
    return rateOf(lastOf(await work(nameOf(contender, far.place, false))))
  } finally {
    await far.close()
  }
}
