import type { Logger } from '../core/logger.ts'
import { createBroker } from '../broker/create-broker.ts'
import { runtimeOf } from '../broker/runtime.ts'

/**
 * Log lines of a broker go where the command line writes, unless the user's broker has a logger of its own.
 * Every broker without one shares one default.
 */
export function useLogger(broker: unknown, logger: Logger): void {
  const { surroundings } = runtimeOf(broker)
  const unset = runtimeOf(createBroker('memory:')).surroundings.logger
  if (surroundings.logger === unset) (surroundings as { logger: Logger }).logger = logger
}
