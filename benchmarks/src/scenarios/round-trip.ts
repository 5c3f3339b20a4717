import { nameOf, onFreshStore, warmUp } from '../scenario.ts'
import type { Bench, Contender, Line, Sample, Scenario } from '../scenario.ts'
import { percentile } from '../statistics.ts'
import type { Report, Step } from '../steps.ts'
import type { FlowShape } from '../subject.ts'

const chainOf10: FlowShape = { kind: 'chain', steps: 10 }
const chordOf100: FlowShape = { kind: 'chord', steps: 100 }
const serve: Step = { kind: 'serve', concurrency: 100, prefetch: 100 }

/** From `kiq` until its result is there. */
export const roundTrip: Scenario = {
  name: 'round-trip',
  title:
    'Round trip: a task is sent and its result awaited; two processes where the engine has them',
  lines: (size) =>
    [
      { inFlight: 1, full: 5_000, label: 'alone' },
      { inFlight: 100, full: 10_000, label: '100 in flight' },
    ].map(({ inFlight, full, label }): Line => {
      const tasks = size(full)
      return {
        label,
        concurrency: inFlight,
        prefetch: 100,
        results: true,
        tasks,
        shown: ['p50Ms', 'p99Ms'],
        takesPart: ({ peer }) => peer !== 'raw',
        async run(bench, contender) {
          const step = { kind: 'request', tasks, warm: warmUp(tasks), inFlight } as const
          const {
            client,
            times = [],
            seconds,
          } = await besideWorker(bench, contender, {
            step,
            pick: ({ sender }) => sender,
          })
          return { perSecond: tasks / seconds, client, facts: spread(times) }
        },
      }
    }),
}

/** From the send of a workflow until the result of its last step is there. */
export const workflows: Scenario = {
  name: 'workflows',
  title:
    'Workflows: one is sent and its end awaited; the steps do nothing; two processes where the engine has them',
  lines: (size) =>
    [
      { flow: chainOf10, inFlight: 1, full: 300, label: 'chain of 10, alone' },
      { flow: chainOf10, inFlight: 100, full: 500, label: 'chain of 10, 100 in flight' },
      { flow: chordOf100, inFlight: 1, full: 60, label: 'chord of 100, alone' },
      { flow: chordOf100, inFlight: 100, full: 100, label: 'chord of 100, 100 in flight' },
    ].map(({ flow, inFlight, full, label }): Line => {
      const all = size(full)
      return {
        rounds: 3,
        label,
        concurrency: 100,
        prefetch: 100,
        results: true,
        tasks: all,
        shown: ['p50Ms', 'p99Ms'],
        takesPart: ({ peer }) => peer !== 'raw',
        async run(bench, contender) {
          const tasks = Math.ceil(all * (contender.library?.slow?.share ?? 1))
          const warm = warmUp(tasks)
          const step = { kind: 'request', tasks, warm, inFlight, flow } as const
          const { sender, worker } = await besideWorker(bench, contender, {
            step,
            pick: (reports) => reports,
          })
          // What the worker took for those of the warm-up is known only together with the others.
          const served = (worker.client * worker.tasks) / (tasks + warm)
          const { times = [], seconds, client, store } = sender
          return {
            perSecond: tasks / seconds,
            client: contender.engine.shared ? client + served : client,
            store,
            facts: spread(times),
          }
        },
      }
    }),
}

/** From the send to the start of the handler, while nothing else happens. */
export const latency: Scenario = {
  name: 'latency',
  title:
    'Idle latency: from send to the start of the handler in another process, one task every 5 ms',
  lines: (size) => {
    const tasks = size(400)
    return [
      {
        label: 'idle',
        concurrency: 100,
        prefetch: 100,
        results: false,
        tasks,
        shown: ['p50Ms', 'p99Ms', 'maxMs'],
        takesPart: ({ peer, engine }) => peer !== 'raw' && engine.shared,
        async run(bench, contender): Promise<Sample> {
          const step = { kind: 'pace', tasks, warm: 20, every: 5 } as const
          const { times = [] } = await besideWorker(bench, contender, {
            step,
            pick: ({ worker }) => worker,
          })
          return { facts: { ...spread(times), maxMs: times.at(-1) ?? Number.NaN } }
        },
      },
    ]
  },
}

/** Runs a step while a worker serves: in a process beside it, or in the same one. */
function besideWorker<T>(
  bench: Bench,
  contender: Contender,
  of: { step: Step; pick: (reports: { sender: Report; worker: Report }) => T },
): Promise<T> {
  return onFreshStore(bench, contender, async (place) => {
    const subject = nameOf(contender, place, of.step.kind === 'request')
    const [sender, worker] = contender.engine.shared
      ? await inTwo()
      : await bench.children.run(subject, [serve, of.step])
    if (sender === undefined || worker === undefined) throw new Error('a report is missing')
    return of.pick({ sender, worker })

    async function inTwo(): Promise<readonly (Report | undefined)[]> {
      const server = bench.children.start(subject, [serve])
      try {
        await Promise.race([server.serving, server.done])
        const [report] = await bench.children.run(subject, [of.step])
        server.stop()
        return [report, (await server.done)[0]]
      } catch (error) {
        server.stop()
        throw error
      }
    }
  })
}

function spread(times: readonly number[]): { p50Ms: number; p99Ms: number } {
  return { p50Ms: percentile(times, 0.5), p99Ms: percentile(times, 0.99) }
}
