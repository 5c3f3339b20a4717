import type { Verdict } from './checker.ts'
import type { EngineName } from './engines.ts'
import type { StageOptions } from './stage.ts'

/** A: every commit. B: at night, an hour. C: a release. */
export type Tier = 'A' | 'B' | 'C'

/** All tiers. */
export const tiers: readonly Tier[] = ['A', 'B', 'C']

/** How much of a row is run. What the numbers count is the row's to say. */
export type Size = Readonly<Record<string, number>>

/** One row of the matrix, as data. */
export interface Row<S extends Size = Size> {
  /** Its number in the matrix; a letter behind it where a row has several parts. */
  readonly id: string
  readonly fault: string
  readonly expected: string
  readonly engines: readonly EngineName[]
  readonly sizes: Readonly<Record<Tier, S>>
  run(options: StageOptions, size: S): Promise<Outcome>
}

/** What a row came to. */
export interface Outcome {
  /** Why it failed; empty where it did not. */
  readonly faults: readonly string[]
  /** What is worth saying beside the verdict: `{ restarts: 4 }`. */
  readonly facts: Readonly<Record<string, number | string>>
  readonly verdict?: Verdict | undefined
  /** It could not be run here, and why. */
  readonly skipped?: string | undefined
}

/** A row whose play and sizes fit together. */
export function row<const S extends Size>(of: Row<S>): Row {
  return of
}
