import { deadLettersOf } from '../broker/dead-letters.ts'
import type { BrokerRuntime } from '../broker/runtime.ts'

const every = 60_000

/**
 * Deletes what the broker's `deadLetters` option does not keep, about every minute. Any number of workers
 * may do so: each deletion is one step of the store. Without the option nothing is done.
 */
export function trimDeadLetters(runtime: BrokerRuntime): { stop(): void } | undefined {
  const { deadLetters: retention } = runtime.options
  if (retention === undefined) return undefined
  const { clock, random, logger } = runtime.surroundings
  let stopped = false
  const plan = (): { cancel(): void } =>
    clock.after(every * (0.5 + random.next()), () => void trim(), { background: true })
  const trim = async (): Promise<void> => {
    try {
      await deadLettersOf(runtime).trim(retention)
    } catch (error) {
      logger.warn('dead letters could not be trimmed', { error })
    }
    if (!stopped) timer = plan()
  }
  let timer = plan()
  return {
    stop() {
      stopped = true
      timer.cancel()
    },
  }
}
