import { InvalidInputError } from '../core/errors.ts'
import type { Broker } from '../broker/broker.ts'
import { seedOfEnvironment } from './bench/seeded-schedule.ts'
import { testBroker, type TestBroker } from './test-broker.ts'
import type { TestBrokerOptions } from './test-broker-options.ts'

/** Options of {@link exploreSeeds}. */
export interface ExploreOptions extends Omit<TestBrokerOptions, 'mode'> {
  /** How many interleavings to try; default 100. */
  runs?: number | undefined
  /** The first seed; the others follow it. Default 1, so that every run of a suite tries the same ones. */
  seed?: number | undefined
}

/**
 * Runs a test under many interleavings, each with a fresh test broker, and fails with the first that
 * fails, saying its seed. With `TASKWRIGHT_SEED` set, only that one is run: the replay.
 *
 * State of the test's own must begin anew in each run: make it in `body`.
 *
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import { createBroker } from 'taskwright'
 * import { exploreSeeds } from 'taskwright/testing'
 *
 * const broker = createBroker('memory:')
 * let seats = 0
 * const book = broker.task('book', async () => void (seats -= 1))
 *
 * await exploreSeeds(broker, { runs: 20 }, async (app) => {
 *   seats = 2
 *   await book.kiqMany([[], []])
 *   await app.idle()
 *   assert.equal(seats, 0)
 * })
 * ```
 */
export async function exploreSeeds(
  broker: Broker,
  options: ExploreOptions,
  body: (app: TestBroker) => void | Promise<void>,
): Promise<void> {
  const { runs = 100, seed: first = 1, ...rest } = options
  if (!Number.isSafeInteger(runs) || runs < 1) {
    throw new InvalidInputError(`runs is a whole number of 1 or more, not ${String(runs)}.`)
  }
  const only = seedOfEnvironment()
  const seeds = only === undefined ? Array.from({ length: runs }, (_, i) => first + i) : [only]
  for (const seed of seeds) {
    const app = testBroker(broker, { ...rest, mode: 'concurrent', seed })
    try {
      await app.run(() => body(app))
    } finally {
      await app.dispose()
    }
  }
}
