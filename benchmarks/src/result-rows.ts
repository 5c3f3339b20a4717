import type { LineResult, Result } from './rounds.ts'
import type { Line, Sample } from './scenario.ts'
import { median } from './statistics.ts'

/** One row of the JSON file. Rates and facts are medians over `runs` runs. */
export interface ResultRow {
  readonly peer: string
  readonly engine: string
  readonly scenario: string
  readonly label: string
  readonly concurrency: number | null
  readonly prefetch: number | null
  readonly results: boolean
  readonly tasks: number
  /** `null` where a rate says nothing, and where it could not be measured. */
  readonly perSecond: number | null
  readonly least: number | null
  readonly most: number | null
  /** Own rate by the limit's, pair by pair; `null` where there is no limit. */
  readonly ratioToLimit: number | null
  /** For a peer: Taskwright's rate by this one, pair by pair. */
  readonly taskwrightToPeer: number | null
  readonly clientMicroseconds: number | null
  readonly storeMicroseconds: number | null
  readonly facts: Readonly<Record<string, number>>
  readonly runs: number
  readonly samples: readonly number[]
  readonly failure: string | null
}

/** The rows of a line. */
export function rowsOf({ scenario, line, results }: LineResult): ResultRow[] {
  return results.map((result) => ({
    peer: result.contender.peer,
    engine: result.contender.engine.name,
    scenario: scenario.name,
    ...about(line),
    ...ratesOf(result),
  }))
}

function about({ label, concurrency, prefetch, results, tasks }: Line) {
  return { label, concurrency, prefetch, results, tasks }
}

function ratesOf({ samples, ratioToLimit, ratioOfOurs, failure }: Result) {
  const rates = all(samples, (sample) => sample.perSecond)
  return {
    perSecond: middle(rates),
    least: rates.length === 0 ? null : Math.min(...rates),
    most: rates.length === 0 ? null : Math.max(...rates),
    ratioToLimit: ratioToLimit ?? null,
    taskwrightToPeer: ratioOfOurs ?? null,
    clientMicroseconds: middle(all(samples, (sample) => sample.client)),
    storeMicroseconds: middle(all(samples, (sample) => sample.store)),
    facts: factsOf(samples),
    runs: samples.length,
    samples: rates,
    failure: failure ?? null,
  }
}

function factsOf(samples: readonly Sample[]): Record<string, number> {
  const names = new Set(samples.flatMap(({ facts = {} }) => Object.keys(facts)))
  return Object.fromEntries(
    [...names].map((name) => [name, median(all(samples, ({ facts }) => facts?.[name]))]),
  )
}

function all(
  samples: readonly Sample[],
  pick: (sample: Sample) => number | undefined,
): readonly number[] {
  return samples.flatMap((sample) => pick(sample) ?? [])
}

function middle(values: readonly number[]): number | null {
  return values.length === 0 ? null : median(values)
}
