/** A fact in the life of a task or worker. */
export interface LoggedEvent {
  readonly at: number
  readonly kind:
    | 'sent'
    | 'started'
    | 'settled'
    | 'retried'
    | 'lost'
    | 'stuck'
    | 'worker-started'
    | 'worker-stopped'
  readonly id: string
  readonly task?: string | undefined
  readonly queue?: string | undefined
  readonly detail?: string | undefined
}

/** Keeps events, written in batches. Losing some at a crash is allowed; slowing work down is not. */
export interface EventLog {
  append(events: readonly LoggedEvent[]): Promise<void>
  /** Events after a cursor, oldest first. */
  read(options: {
    after?: string | undefined
    limit: number
  }): Promise<{ events: readonly LoggedEvent[]; cursor: string }>
}
