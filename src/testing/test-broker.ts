import { InvalidInputError, NotStartedError } from '../core/errors.ts'
import type { Broker } from '../broker/broker.ts'
import { runtimeOf, type BrokerRuntime } from '../broker/runtime.ts'
import type { Sendable } from '../broker/task.ts'
import type { DependencyOverrides } from '../dependencies/overrides.ts'
import { registrationOf } from './bench/call-arguments.ts'
import type { Faults } from './bench/faults.ts'
import type { JournalEntry, SentMessage, SettledTask } from './bench/journal.ts'
import { checkSeed, freshSeed, seedOfEnvironment } from './bench/seeded-schedule.ts'
import { TestBench } from './bench/test-bench.ts'
import type { TestBrokerOptions } from './test-broker-options.ts'
import type { TestClock } from './bench/test-clock.ts'
import type { DrainOptions } from './bench/test-pace.ts'

/**
 * A broker under test: its own tasks and middlewares on a memory store, real workers, a clock that moves
 * only when told, and a journal of all that happens. The broker itself is used as ever.
 */
export interface TestBroker extends AsyncDisposable {
  readonly mode: 'inline' | 'concurrent'
  /** What everything that is left to chance was drawn from. */
  readonly seed: number
  /** How to run this test again, for a message; empty inline, where nothing is interleaved. */
  readonly replay: string
  /** The time of the broker and its workers. Stands still unless it is moved. */
  readonly clock: TestClock
  /** Other dependencies for this test; those of the broker itself stay in force, and as they were after it. */
  readonly dependencyOverrides: DependencyOverrides
  /** Makes things go wrong. */
  readonly faults: Faults
  /** All that happened, in order. */
  readonly journal: readonly JournalEntry[]
  /** What was sent to a task and stored, in order, follow-ups included. A second send of an id is not in it. */
  sent<A extends readonly unknown[], R>(task: Sendable<A, R>): readonly SentMessage<A>[]
  /** All that was sent and stored. */
  sent(): readonly SentMessage[]
  /** The messages of a task that have ended, with their outcomes, in order. */
  settled<A extends readonly unknown[], R>(task: Sendable<A, R>): readonly SettledTask<A, R>[]
  /** All that have ended. */
  settled(): readonly SettledTask[]
  /** Those that ended in another way than by success: one assertion that nothing went wrong unseen. */
  readonly failures: readonly SettledTask[]
  /**
   * Runs `handler` in the place of a task in this test, without dependencies; also of one that lives
   * elsewhere, which without it is set aside as unknown.
   */
  stub<A extends readonly unknown[], R>(
    task: Sendable<A, R>,
    handler: (...args: A) => NoInfer<R> | Promise<NoInfer<R>>,
  ): void
  /**
   * Resolves when nothing is queued, running or being sent. What is scheduled for later does not count.
   * The clock stands still, but for the moments that a worker waits before it asks a failing store again.
   * @throws StalledError when something waits for what never happens.
   */
  idle(): Promise<void>
  /**
   * Lets time pass until nothing is left: delayed messages, retries and leases of killed workers included.
   * @throws StalledError; Error when more and more comes (`limit` messages, default 10,000).
   */
  drain(options?: DrainOptions): Promise<void>
  /**
   * Resolves with the ends of a task when there are `count` of them (default 1), those from before the
   * call included.
   * @throws StalledError when no more will come unless the clock moves.
   */
  waitFor<A extends readonly unknown[], R>(
    task: Sendable<A, R>,
    count?: number,
  ): Promise<readonly SettledTask<A, R>[]>
  /** A point at which the seed may let others go first, for the fakes of a test; inline it is none. */
  turn(): Promise<void>
  /** Runs a test; an error of it says how to replay it. */
  run<T>(body: () => T | Promise<T>): Promise<T>
  /** Stops everything and gives the broker back. Idempotent; the journal stays readable. */
  dispose(): Promise<void>
}

const known: ReadonlySet<string> = new Set<keyof TestBrokerOptions>([
  'mode',
  'seed',
  'start',
  'workers',
  'worker',
  'patience',
  'giveUpAfter',
  'logger',
])

/** Runtimes of tests, to tell them from a broker's own. */
const underTest = new WeakSet<BrokerRuntime>()

/**
 * Puts a broker under test until it is disposed of: whatever sends through its tasks sends to the test's
 * memory store, also code that knows nothing of the test. Opens nothing of the real store.
 *
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import { createBroker } from 'taskwright'
 * import { testBroker } from 'taskwright/testing'
 *
 * const broker = createBroker('sqlite:./tasks.db')
 * const greet = broker.task('greet', async (name: string) => `hello ${name}`)
 *
 * await using app = testBroker(broker, { mode: 'inline' })
 * const handle = await greet.kiq('Ada')
 * assert.equal(await handle.result(), 'hello Ada')
 * assert.deepEqual(app.sent(greet).map(({ args }) => args), [['Ada']])
 * ```
 * @throws InvalidInputError for a wrong option, or when the broker is under test already.
 */
export function testBroker(broker: Broker, options: TestBrokerOptions): TestBroker {
  checkOptions(options)
  const real = runtimeOf(broker)
  if (underTest.has(real)) {
    throw new InvalidInputError(
      'this broker is under test already: dispose of the other test broker first (`await using app = …`, or app.dispose() after each test).',
    )
  }
  const { mode, seed = seedOfEnvironment() ?? (mode === 'inline' ? 1 : freshSeed()) } = options
  const bench = new TestBench(real, { ...options, seed: checkSeed(seed) })
  underTest.add(bench.runtime)
  return new BrokerUnderTest(bench, { mode, seed })
}

class BrokerUnderTest implements TestBroker {
  readonly mode: TestBroker['mode']
  readonly seed: number
  readonly #bench: TestBench

  constructor(bench: TestBench, { mode, seed }: { mode: TestBroker['mode']; seed: number }) {
    this.#bench = bench
    this.mode = mode
    this.seed = seed
  }

  get replay(): string {
    return this.#bench.replay.trim()
  }
  get clock(): TestClock {
    return this.#bench.clock
  }
  get dependencyOverrides(): DependencyOverrides {
    return this.#bench.overrides
  }
  get faults(): Faults {
    return this.#bench.faults
  }
  get journal(): readonly JournalEntry[] {
    return this.#bench.journal.entries
  }
  get failures(): readonly SettledTask[] {
    return this.settled().filter(({ isErr }) => isErr)
  }

  sent(): readonly SentMessage[]
  sent<A extends readonly unknown[], R>(task: Sendable<A, R>): readonly SentMessage<A>[]
  sent<A extends readonly unknown[], R>(task?: Sendable<A, R>): readonly SentMessage[] {
    return this.#bench.journal.sent(task && registrationOf(task))
  }

  settled(): readonly SettledTask[]
  settled<A extends readonly unknown[], R>(task: Sendable<A, R>): readonly SettledTask<A, R>[]
  settled<A extends readonly unknown[], R>(task?: Sendable<A, R>): readonly SettledTask[] {
    return this.#bench.journal.ends(task && registrationOf(task))
  }

  stub<A extends readonly unknown[], R>(
    task: Sendable<A, R>,
    handler: (...args: A) => NoInfer<R> | Promise<NoInfer<R>>,
  ): void {
    // What arrives was sent through this very task, whose types its callers have kept to.
    this.#bench.registry.stub(registrationOf(task), (...args) => handler(...(args as unknown as A)))
  }

  async idle(): Promise<void> {
    await this.#started()
    await this.#bench.pace.idle()
  }

  async drain(options?: DrainOptions): Promise<void> {
    await this.#started()
    await this.#bench.pace.drain(options)
  }

  async waitFor<A extends readonly unknown[], R>(
    task: Sendable<A, R>,
    count = 1,
  ): Promise<readonly SettledTask<A, R>[]> {
    await this.#started()
    const { watchdog, pace, activity } = this.#bench
    let stalled: Error | undefined
    const unwatch = watchdog.watch(() => {
      void pace.stalled(`waitFor('${task.name}', ${count})`).then((error) => {
        stalled = error
        activity.touch()
      })
    })
    try {
      for (;;) {
        const ends = this.settled(task)
        if (ends.length >= count) return ends
        if (stalled !== undefined) throw stalled
        await activity.changed()
      }
    } finally {
      unwatch()
    }
  }

  turn(): Promise<void> {
    return this.#bench.schedule.turn()
  }

  async run<T>(body: () => T | Promise<T>): Promise<T> {
    try {
      return await body()
    } catch (error) {
      throw withReplay(error, this.replay)
    }
  }

  dispose(): Promise<void> {
    return this.#bench.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose()
  }

  async #started(): Promise<void> {
    if (this.#bench.closed) {
      throw new NotStartedError('this test broker was disposed of: make another one.')
    }
    await this.#bench.start()
  }
}

/** Adds the replay to the text of an error; the error stays the same one, for whoever looks at its type. */
export function withReplay(error: unknown, replay: string): unknown {
  if (replay === '') return error
  if (!(error instanceof Error)) return new Error(`${String(error)}\n${replay}`, { cause: error })
  if (error.message.includes(replay)) return error
  const message = `${error.message}\n${replay}`
  // The stack begins with the message; test runners show the one or the other.
  const stack = error.stack?.replace(error.message, () => message)
  try {
    Object.defineProperty(error, 'message', { value: message, configurable: true, writable: true })
    Object.defineProperty(error, 'stack', { value: stack, configurable: true, writable: true })
    return error
  } catch {
    return new Error(message, { cause: error })
  }
}

function checkOptions(options: TestBrokerOptions): void {
  for (const key of Object.keys(options)) {
    if (known.has(key)) continue
    throw new InvalidInputError(
      `testBroker has no option '${key}'. Known: ${[...known].join(', ')}.`,
    )
  }
  const { mode, workers = 1 } = options
  if (mode !== 'inline' && mode !== 'concurrent') {
    throw new InvalidInputError("testBroker needs a mode: 'inline' or 'concurrent'.")
  }
  if (!Number.isSafeInteger(workers) || workers < 1) {
    throw new InvalidInputError(`workers is a whole number of 1 or more, not ${String(workers)}.`)
  }
}
