import { faultsOf, type Anomaly, type Verdict } from './checker.ts'

/** What a row demands of its verdict, beside the anomalies that are never allowed. */
export interface Expectations {
  readonly allowed?: readonly Anomaly[] | undefined
  /** How many dead letters of each reason. Default: none. */
  readonly dead?: Readonly<Record<string, number>> | undefined
  /** Everything that was acknowledged and did not die succeeded. Default true. */
  readonly allSucceed?: boolean | undefined
  /** The most duplicates. Default: as many as were in the hands of the killed. */
  readonly duplicates?: number | undefined
  /** Checks of the row's own: what is said, and whether it holds. */
  readonly also?: Readonly<Record<string, boolean>> | undefined
}

/** Where a verdict falls short. */
export function shortfalls(verdict: Verdict, expected: Expectations = {}): string[] {
  const {
    allowed,
    dead = {},
    allSucceed = true,
    duplicates = verdict.inFlight,
    also = {},
  } = expected
  const { succeeded, cancelled } = verdict
  const died = Object.values(verdict.dead).reduce((sum, count) => sum + count, 0)
  const stored = verdict.acknowledged + verdict.recovered
  const checks: Record<string, boolean> = {
    [`dead letters are ${JSON.stringify(verdict.dead)}, not ${JSON.stringify(dead)}`]: Object.keys({
      ...dead,
      ...verdict.dead,
    }).every((reason) => (dead[reason] ?? 0) === (verdict.dead[reason] ?? 0)),
    [`${succeeded} succeeded of ${stored}, ${died} dead, ${cancelled} cancelled`]:
      !allSucceed || succeeded + died + cancelled >= stored,
    [`${verdict.duplicates} duplicates, at most ${duplicates} were expected`]:
      verdict.duplicates <= duplicates,
    'nothing was acknowledged': verdict.acknowledged > 0,
    ...Object.fromEntries(
      Object.entries(also).map(([claim, holds]) => [`not so: ${claim}`, holds]),
    ),
  }
  return [
    ...faultsOf(verdict, allowed),
    ...Object.entries(checks).flatMap(([what, holds]) => (holds ? [] : [what])),
  ]
}
