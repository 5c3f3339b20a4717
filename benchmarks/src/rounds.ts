import type { BenchEngine } from './engine.ts'
import type { Peer } from './peers/peer.ts'
import type { Bench, Contender, Line, Sample, Scenario } from './scenario.ts'
import { median } from './statistics.ts'

/** What a contender came to on a line, over all rounds. */
export interface Result {
  readonly contender: Contender
  readonly samples: readonly Sample[]
  /** The median of (own rate / limit of the same round); `undefined` where there is no limit. */
  readonly ratioToLimit: number | undefined
  /** The median of (Taskwright's rate / this one's rate in the same round), for peers. */
  readonly ratioOfOurs: number | undefined
  /** Why there are no samples. */
  readonly failure: string | undefined
}

/** The results of one line. */
export interface LineResult {
  readonly scenario: Scenario
  readonly line: Line
  readonly results: readonly Result[]
}

/** Runs every contender of a line in each round, one after the other, beginning with another one each time. */
export async function runLine(
  bench: Bench,
  { scenario, line }: { scenario: Scenario; line: Line },
  of: { contenders: readonly Contender[]; runs: number; onRun: (what: string) => void },
): Promise<LineResult> {
  const rounds = Math.min(of.runs, line.rounds ?? of.runs)
  const contenders = of.contenders.filter(
    (contender) =>
      line.takesPart(contender) &&
      (contender.library === undefined || contender.library.scenarios.includes(scenario.name)),
  )
  const measured = contenders.map((contender) => ({
    contender,
    samples: new Map<number, Sample>(),
    failure: undefined as string | undefined,
  }))
  for (let round = 0; round < rounds; round++) {
    const start = round % Math.max(1, measured.length)
    for (const one of [...measured.slice(start), ...measured.slice(0, start)]) {
      const { contender } = one
      if (one.failure !== undefined || round >= (contender.library?.slow?.rounds ?? rounds))
        continue
      of.onRun(
        `${line.label}, ${contender.peer} on ${contender.engine.name}, ${round + 1}/${rounds}`,
      )
      try {
        one.samples.set(round, await line.run(bench, contender))
      } catch (error) {
        // One that cannot run must not end the others.
        one.failure = error instanceof Error ? error.message : String(error)
      }
    }
  }
  const rates =
    (peer: string, engine: BenchEngine) =>
    (round: number): number | undefined =>
      measured
        .find(({ contender }) => contender.peer === peer && contender.engine === engine)
        ?.samples.get(round)?.perSecond
  const results = measured.map(({ contender, samples, failure }): Result => {
    const limit =
      line.ideal === undefined
        ? rates('raw', contender.engine)
        : (): number | undefined => line.ideal
    const ours = rates('taskwright', contender.engine)
    return {
      contender,
      samples: [...samples.values()],
      ratioToLimit: paired(samples, limit),
      ratioOfOurs:
        contender.library === undefined ? undefined : paired(samples, ours, (own, us) => us / own),
      failure,
    }
  })
  return { scenario, line, results }
}

/** The median of a ratio that is taken within each round, so that a noisy one is noisy for both. */
function paired(
  samples: ReadonlyMap<number, Sample>,
  other: (round: number) => number | undefined,
  ratio: (own: number, other: number) => number = (own, limit) => own / limit,
): number | undefined {
  const ratios = [...samples].flatMap(([round, { perSecond }]) => {
    const beside = other(round)
    return perSecond === undefined || beside === undefined ? [] : [ratio(perSecond, beside)]
  })
  return ratios.length === 0 ? undefined : median(ratios)
}

/** Everybody who is measured: the bare loop and Taskwright on each engine, then the peers. */
export function contendersOf(
  engines: readonly BenchEngine[],
  libraries: readonly Peer[],
): Contender[] {
  const own = engines.flatMap((engine) =>
    ['raw', 'taskwright'].map((peer): Contender => ({ peer, engine })),
  )
  const others = libraries.flatMap((library) => {
    const engine = engines.find(({ name }) => name === library.engine)
    return engine === undefined ? [] : [{ peer: library.name, engine, library }]
  })
  return [...own, ...others]
}
