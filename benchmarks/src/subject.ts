/**
 * What can be measured: Taskwright on an engine, the bare client loop of that engine, or a peer. One
 * subject is one opened store in one process.
 */
export interface Subject {
  /** Sends one task; resolves when it is stored. */
  send(text: string): Promise<void>
  /** Sends tasks as a program does that awaits many sends at once. */
  sendTogether(texts: readonly string[]): Promise<void>
  /** Sends tasks by the bulk call. */
  sendMany(texts: readonly string[]): Promise<void>
  /** Sends one task and waits for its result. Absent where there are none. */
  request?(text: string): Promise<void>
  /** Sends a workflow of tasks that do nothing and waits for its end. Absent where there are none. */
  flow?(shape: FlowShape): Promise<void>
  /** Sends one chord of so many steps, whose body reads all results one by one; resolves when all are in their queue. */
  spread?(steps: number): Promise<void>
  /** Waits for the end of that chord. */
  gather?(steps: number): Promise<void>
  /** Starts to run tasks. */
  serve(order: ServeOrder): Promise<Serving>
  close(): Promise<void>
}

/** A chain of so many steps, or a chord of so many and one that comes after all of them. */
export interface FlowShape {
  readonly kind: 'chain' | 'chord'
  readonly steps: number
}

/** How tasks are to be run. */
export interface ServeOrder {
  readonly concurrency: number
  readonly prefetch: number
  /** Milliseconds that the handler sleeps; 0: it returns at once. */
  readonly sleep: number
  /** Called by the handler with the text of its task. */
  readonly onHandled: (text: string) => void
}

/** A worker at work. */
export interface Serving {
  /** How many tasks have ended in the store. */
  settled(): number
  stop(): Promise<void>
}
