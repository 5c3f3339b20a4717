import type { TaskStatus } from '../core/states.ts'

/** What a worker tells its listeners. */
export interface WorkerEvents {
  /** It fetches. */
  started: { readonly queues: readonly string[] }
  /** A handler begins. */
  'task-started': TaskFact
  /** A delivery was settled. */
  'task-settled': TaskFact & {
    readonly status: TaskStatus
    readonly seconds: number
    readonly detail?: string | undefined
  }
  /** This worker does not hold the message any more: another may run it. */
  'task-lost': TaskFact
  /** An aborted handler did not end within its grace: its slot was freed, it may still be running. */
  'task-stuck': TaskFact & { readonly seconds: number }
  /** The event loop was blocked for this long. */
  'loop-stalled': { readonly milliseconds: number; readonly running: readonly string[] }
  /** The store failed; the worker goes on trying. */
  'store-failed': { readonly error: unknown }
  stopped: { readonly reason: string }
}

/** Which task a fact is about. */
export interface TaskFact {
  readonly id: string
  readonly task: string
  readonly queue: string
  readonly attempt: number
}

type Listener<E> = (event: E) => void

/** Typed listeners. A listener that throws is dropped to the log, never to the worker. */
export class WorkerEmitter {
  readonly #listeners = new Map<keyof WorkerEvents, Set<Listener<never>>>()
  readonly #onError: (error: unknown) => void

  constructor(onError: (error: unknown) => void) {
    this.#onError = onError
  }

  /** Adds a listener; returns a function that removes it. */
  on<K extends keyof WorkerEvents>(kind: K, listener: Listener<WorkerEvents[K]>): () => void {
    const set = this.#listeners.get(kind) ?? new Set()
    this.#listeners.set(kind, set)
    set.add(listener)
    return () => void set.delete(listener)
  }

  /** Whether anybody listens: building an event costs nothing otherwise. */
  has(kind: keyof WorkerEvents): boolean {
    return (this.#listeners.get(kind)?.size ?? 0) > 0
  }

  emit<K extends keyof WorkerEvents>(kind: K, event: WorkerEvents[K]): void {
    for (const listener of this.#listeners.get(kind) ?? []) {
      try {
        const answer: unknown = (listener as (event: WorkerEvents[K]) => unknown)(event)
        // A listener may be async: what it rejects with must not end the process.
        if (answer instanceof Promise) answer.catch(this.#onError)
      } catch (error) {
        this.#onError(error)
      }
    }
  }
}
