/** A message to running workers. */
export type ControlMessage = (
  | { readonly kind: 'ping' | 'stats' | 'active' | 'registered' }
  /** Durable settings have changed: look at them now. */
  | { readonly kind: 'settings' }
  | {
      readonly kind: 'scale'
      readonly concurrency?: number | undefined
      readonly prefetch?: number | undefined
    }
  /** These were cancelled while somebody held them: who answers does not begin them any more. */
  | { readonly kind: 'cancel'; readonly ids: readonly string[]; readonly reason: string }
  /** Milliseconds that running tasks may take to end. */
  | { readonly kind: 'shutdown'; readonly timeout?: number | undefined }
) & {
  /** Only these; all of them when absent. */
  readonly workers?: readonly string[] | undefined
}

/** A worker's answer. */
export interface ControlAnswer {
  readonly worker: string
  readonly body: unknown
}

/** What a listener makes of a message; `undefined` is no answer. */
export type ControlListener = (message: ControlMessage) => ControlAnswer | undefined

/**
 * Broadcasts to running workers, and settings that all of them follow. What is said is plain data. A
 * broadcast is a hint, and who is away does not hear it; settings are durable.
 */
export interface ControlChannel {
  /**
   * Sends to every listener of every process, and collects what they answer: until all that are known to
   * listen have, at most `wait` milliseconds.
   */
  broadcast(
    message: ControlMessage,
    options: { readonly wait: number },
  ): Promise<readonly ControlAnswer[]>
  /** Listens; returns a function that stops. */
  listen(listener: ControlListener): Promise<() => Promise<void>>
  /** All settings. */
  settings(): Promise<ReadonlyMap<string, string>>
  /** Sets some; `null` removes one. All of them or none. */
  set(settings: Readonly<Record<string, string | null>>): Promise<void>
}
