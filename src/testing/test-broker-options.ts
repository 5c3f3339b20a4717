import type { Duration } from '../core/duration.ts'
import type { Logger } from '../core/logger.ts'
import type { WorkerOptions } from '../worker/worker-options.ts'

/** Options of `testBroker`. */
export interface TestBrokerOptions {
  /**
   * `inline`: sending is running. `kiq()` resolves when its message has been run to its end, one message
   * at a time; what a handler sends is run in the middle of it. Delays and retries wait for the clock.
   *
   * `concurrent`: workers run beside the test, several handlers at once; who goes on when is decided by
   * the seed.
   */
  mode: 'inline' | 'concurrent'
  /**
   * Decides everything that is left to chance: the interleaving, jitter, ids. A whole number from 0 to
   * 2³² - 1. Default: `TASKWRIGHT_SEED` of the environment; otherwise 1 inline, and drawn anew concurrent.
   */
  seed?: number | undefined
  /** The time at which the clock stands at first. Default: 2030-01-01 in UTC. */
  start?: Date | number | undefined
  /** How many workers share the work. Default 2 in concurrent mode; 1 inline, always. */
  workers?: number | undefined
  /**
   * Options of each worker. Its `concurrency` is 8 unless said, and has no meaning inline; without
   * `queues` it takes from every queue that something is sent to.
   */
  worker?: Omit<WorkerOptions, 'name'> | undefined
  /**
   * Real time for which a handler that runs may keep still before the clock moves on without it: long
   * enough for real I/O, such as a database of the test. Default 250 ms; 0 where handlers wait for
   * nothing but promises and the clock.
   */
  patience?: Duration | undefined
  /**
   * Real time without any event after which `idle()`, `drain()`, `waitFor()` and waits for results are
   * given up with an error that says what there is. Default 3 s.
   */
  giveUpAfter?: Duration | undefined
  /** Default: the broker's. */
  logger?: Logger | undefined
}
