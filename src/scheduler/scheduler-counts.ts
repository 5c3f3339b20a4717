/** What a scheduler has done since it started. Spans in milliseconds. */
export interface SchedulerCounts {
  /** Messages that it has stored. */
  fired: number
  /** Slots that had passed and were not made up for. */
  missed: number
  /** Slots left out because the last message had not ended, or the plan was paused. */
  skipped: number
  /** Slots that another scheduler had decided first. */
  decided: number
  /** Passes and fires that failed; they are tried again. */
  errors: number
  /** From the moment at which a message was due to the one at which it was stored. */
  lag: { last: number; max: number }
  /** How much later than it meant to the scheduler woke up, at most: a busy event loop, a machine asleep. */
  drift: number
}

/** All zero. */
export function noCounts(): SchedulerCounts {
  return {
    fired: 0,
    missed: 0,
    skipped: 0,
    decided: 0,
    errors: 0,
    lag: { last: 0, max: 0 },
    drift: 0,
  }
}
