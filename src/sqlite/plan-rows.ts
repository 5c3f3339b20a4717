/** A plan's id, and its text as it is stored; `null`: removed. */
export type PlanRow = readonly [id: string, data: string | null]

/** Which plans are read. */
export interface PlanAsk {
  /** The stamp of the last reading; `null`: all plans are asked for. */
  readonly since: number | null
  /** Where the last page of this reading ended; `null` for its first page. */
  readonly from: number | null
  /** The most rows of a page. */
  readonly limit: number
}

/** A page of plans. */
export interface PlanPage {
  readonly stamp: number
  readonly whole: boolean
  /** JSON of a list of {@link PlanRow}s: one text crosses from the database thread faster than its parts. */
  readonly rows: string
  /** Where the next page begins; `null`: this was the last one. */
  readonly more: number | null
}
