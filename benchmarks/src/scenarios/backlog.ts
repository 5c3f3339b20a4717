import { inTurn, lastOf, nameOf, rateOf, warmUp } from '../scenario.ts'
import type { Bench, Contender, Line, Scenario } from '../scenario.ts'
import type { Step } from '../steps.ts'
import { processBacklog } from './process.ts'

/** A large backlog must not slow its worker down: all of it, and its first tasks, are held against a small one. */
export const backlog: Scenario = {
  name: 'backlog',
  title: 'Backlog: 1,000,000 tasks, and the first 20,000 of them, against a small backlog',
  lines(size): readonly Line[] {
    const how = { concurrency: 100, prefetch: 100, results: false }
    // All runs together, their warm-ups and what they claim beyond, must find enough.
    const stored = Math.max(20_000, size(1_000_000))
    const tasks = Math.max(1, Math.floor(stored / 50))
    const stores = new Map<string, Promise<string>>()
    const all = size(1_000_000)
    const few = Math.max(1, Math.floor(all / 10))
    return [
      {
        ...how,
        tasks: all,
        label: 'all of them, against a tenth',
        shown: ['flat'],
        takesPart: ({ library }) => library === undefined,
        async run(bench, contender) {
          const small = await processBacklog(bench, contender, { ...how, tasks: few })
          const large = await processBacklog(bench, contender, { ...how, tasks: all })
          const flat = (large.perSecond ?? 0) / (small.perSecond ?? 1)
          return { ...large, facts: { ...large.facts, flat } }
        },
      },
      {
        ...how,
        tasks,
        label: `${stored.toLocaleString('en')} stored, concurrency 100`,
        shown: ['flat'],
        takesPart: ({ library }) => library === undefined,
        async run(bench, contender) {
          const small = await processBacklog(bench, contender, { ...how, tasks })
          const large = rateOf(await fromLarge(bench, contender, { tasks, stored, stores }))
          const flat = (large.perSecond ?? 0) / (small.perSecond ?? 1)
          return { ...large, facts: { ...large.facts, flat } }
        },
      },
    ]
  },
}

/** A shared store is filled once; its runs take their tasks from what the ones before have left. */
async function fromLarge(
  bench: Bench,
  contender: Contender,
  of: { tasks: number; stored: number; stores: Map<string, Promise<string>> },
) {
  const { engine } = contender
  const warm = warmUp(of.tasks)
  const fill: Step = { kind: 'fill', tasks: of.stored }
  const work: Step = {
    kind: 'process',
    tasks: of.tasks,
    warm,
    concurrency: 100,
    prefetch: 100,
    sleep: 0,
  }
  if (!engine.shared) {
    const subject = nameOf(contender, await engine.make(bench.folder), false)
    return lastOf(await inTurn(bench, { engine, subject }, [fill, work]))
  }
  let place = of.stores.get(engine.name)
  if (place === undefined) {
    place = engine.make(bench.folder).then(async (made) => {
      await bench.children.run({ peer: 'raw', engine: engine.name, place: made, results: false }, [
        fill,
      ])
      return made
    })
    of.stores.set(engine.name, place)
  }
  const subject = nameOf(contender, await place, false)
  return lastOf(await bench.children.run(subject, [work]))
}
