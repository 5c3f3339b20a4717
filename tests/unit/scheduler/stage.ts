import { setImmediate } from 'node:timers/promises'
import type { Delivery } from '../../../src/core/delivery.ts'
import type { Body } from '../../../src/core/message.ts'
import { logTo, type Logger } from '../../../src/core/logger.ts'
import type { ScheduleLine } from '../../../src/core/schedule-line.ts'
import { seededRandom } from '../../../src/core/random.ts'
import type { Broker } from '../../../src/broker/broker.ts'
import { createBroker } from '../../../src/broker/create-broker.ts'
import { runtimeOf } from '../../../src/broker/runtime.ts'
import { memoryTransport } from '../../../src/memory/index.ts'
import { ManualClock } from '../../../src/testing/manual-clock.ts'

/** What was stored. */
export interface Sent {
  readonly task: string
  readonly id: string
  readonly args: readonly unknown[]
  readonly labels: Readonly<Record<string, unknown>>
  /** Milliseconds since the stage was set. */
  readonly at: number
}

let stages = 0

/**
 * One memory store and one virtual clock for any number of brokers, as so many processes would share them;
 * `sent` is what they stored, in order.
 */
export class Stage {
  readonly clock: ManualClock
  readonly begun: number
  readonly sent: Sent[] = []
  readonly logged: string[] = []
  readonly #store = `scheduler stage ${++stages}`
  readonly #brokers: Broker[] = []

  constructor(start: number = Date.UTC(2030, 0, 1)) {
    // A turn of the loop after each timer: whatever follows from it has been done then.
    this.clock = new ManualClock(start, () => setImmediate())
    this.begun = start
  }

  /** A broker of another process, with these tasks. */
  broker(
    tasks: Readonly<Record<string, readonly ScheduleLine[]>> = {},
    options: Partial<Parameters<typeof createBroker>[0] & object> = {},
  ): Broker {
    const logger: Logger = logTo((level, message, { error }) => {
      if (level === 'warn' || level === 'error') {
        this.logged.push(`${message}${error instanceof Error ? `: ${error.message}` : ''}`)
      }
    })
    const broker = createBroker({
      transport: memoryTransport({ store: this.#store }),
      clock: this.clock,
      random: seededRandom(this.#brokers.length + 1),
      logger,
      ...options,
      middlewares: [
        ...(options.middlewares ?? []),
        {
          name: 'stage',
          send: async (sending, next) => {
            const status = await next(sending)
            const { task, id, args, labels } = sending.message
            if (status === 'stored') {
              this.sent.push({ task, id, args, labels, at: this.clock.now() - this.begun })
            }
            return status
          },
        },
      ],
    })
    for (const [name, schedule] of Object.entries(tasks)) {
      broker.task({ name, schedule }, async (...args: unknown[]) => void args)
    }
    this.#brokers.push(broker)
    return broker
  }

  /** When the messages of a task were stored. */
  times(task: string): number[] {
    return this.sent.filter((each) => each.task === task).map(({ at }) => at)
  }

  /** Claims the oldest message that waits, for ten minutes. */
  async hold(broker: Broker, queue: string = 'default'): Promise<Delivery | undefined> {
    const { transport } = runtimeOf(broker)
    const { signal } = new AbortController()
    const [held] = await transport.receive({
      queues: [queue],
      room: 1,
      lease: 600_000,
      signal,
      wait: 0,
    })
    return held
  }

  /** Ends the oldest message that waits, as a worker would. Its body. */
  async work(broker: Broker): Promise<Body | undefined> {
    const held = await this.hold(broker)
    if (held === undefined) return undefined
    const { transport } = runtimeOf(broker)
    await transport.settle([{ claim: held, outcome: { kind: 'succeeded' } }])
    return held.body
  }

  async close(): Promise<void> {
    for (const broker of this.#brokers) await broker.stop()
  }
}
