import type { Broker, Sendable, TaskHandle } from 'taskwright'
import type { Way } from './flags.ts'

export interface DualOptions<A extends readonly unknown[], R> {
  /** The task where it has always been: Celery's, as a remote task. */
  readonly old: Sendable<A, R>
  /** The task here. */
  readonly next: Sendable<A, R>
  /** Asked at each send. */
  readonly way: () => Promise<Way>
  /** The queue of the shadow: workers with settings of their own (`DRY_RUN`, another database). */
  readonly shadow?: Broker | undefined
}

/** A task on its way from one system to the other. */
export interface DualTask<A extends readonly unknown[], R> {
  /** Sends it the way that its flag says; the handle is that of the run that counts. */
  kiq(...args: A): Promise<{ readonly way: Way; readonly handle: TaskHandle<R> }>
}

/**
 * Sends a task to the old system or the new, by a flag. In the shadow both run it: the old one counts,
 * and the other is there to be compared. A shadow that cannot be sent is no reason not to send.
 */
export function dualTask<A extends readonly unknown[], R>(
  options: DualOptions<A, R>,
): DualTask<A, R> {
  const { old, next, way, shadow } = options
  return {
    async kiq(...args) {
      const found = await way()
      if (found === 'new') return { way: found, handle: await next.kiq(...args) }
      const handle = await old.kiq(...args)
      if (found === 'shadow' && shadow !== undefined) {
        const kicker = next.kicker().withBroker(shadow)
        await kicker.kiq(...args).catch((error: unknown) => console.error('no shadow', error))
      }
      return { way: found, handle }
    },
  }
}
