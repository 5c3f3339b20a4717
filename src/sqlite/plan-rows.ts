/** A plan's text as it is stored; `null`: removed. */
export interface PlanRow {
  readonly id: string
  readonly data: string | null
}

/** What a reading of the plans found. */
export interface PlanRows {
  readonly stamp: number
  readonly whole: boolean
  readonly rows: readonly PlanRow[]
}
