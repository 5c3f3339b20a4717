/** A message to running workers. */
export type ControlMessage =
  | { readonly kind: 'ping' }
  | { readonly kind: 'cancel'; readonly ids: readonly string[]; readonly reason: string }
  | { readonly kind: 'pause' | 'resume'; readonly queues: readonly string[] }
  | { readonly kind: 'shutdown'; readonly workers?: readonly string[] | undefined }

/** A worker's answer. */
export interface ControlAnswer {
  readonly worker: string
  readonly body: unknown
}

/** Broadcasts to running workers. Delivery is a hint: durable effects go through the store. */
export interface ControlChannel {
  /** Sends to every worker and collects what they answer within `wait` milliseconds. */
  broadcast(message: ControlMessage, options: { wait: number }): Promise<readonly ControlAnswer[]>
  /** Listens; returns a function that stops. */
  listen(handle: (message: ControlMessage) => unknown): Promise<() => Promise<void>>
}
