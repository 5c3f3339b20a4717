import type { Outcome } from './row.ts'
import type { StageOptions } from './stage.ts'

/** Something to be run, that ends in a line of the report. */
export interface Item {
  readonly row: string
  readonly fault: string
  readonly engine: string
  run(options: StageOptions): Promise<Outcome>
}
