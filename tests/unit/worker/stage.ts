/** What the tests of the worker share: a broker on an altered memory transport, with a clock moved by hand. */
import { createBroker } from '../../../src/broker/create-broker.ts'
import type { Broker } from '../../../src/broker/broker.ts'
import type { BrokerOptions } from '../../../src/broker/broker-options.ts'
import { runtimeOf, type BrokerRuntime } from '../../../src/broker/runtime.ts'
import type { Delivery } from '../../../src/core/delivery.ts'
import type { LogFields } from '../../../src/core/logger.ts'
import { seededRandom } from '../../../src/core/random.ts'
import type { Transport } from '../../../src/core/transport.ts'
import { memoryTransport } from '../../../src/memory/memory-transport.ts'
import { ManualClock } from '../../../src/testing/manual-clock.ts'
import { createWorker } from '../../../src/worker/create-worker.ts'
import type { Worker } from '../../../src/worker/worker.ts'
import type { WorkerEvents } from '../../../src/worker/worker-events.ts'
import type { WorkerOptions } from '../../../src/worker/worker-options.ts'
import { altered, recording } from '../broker/stage.ts'

/** An event and what kind it is. */
export type Seen = {
  [K in keyof WorkerEvents]: { readonly kind: K; readonly event: WorkerEvents[K] }
}[keyof WorkerEvents]

const kinds = [
  'started',
  'task-started',
  'task-settled',
  'task-lost',
  'task-stuck',
  'loop-stalled',
  'store-failed',
  'stopped',
] as const

/** A broker, its store and whatever is made of it. */
export interface Stage {
  readonly broker: Broker
  readonly runtime: BrokerRuntime
  readonly clock: ManualClock
  readonly lines: { level: string; message: string; fields: LogFields }[]
  readonly seen: Seen[]
  /** A started worker whose events are in `seen`. */
  readonly work: (options?: WorkerOptions) => Promise<Worker>
  /** A worker that was not started. */
  readonly worker: (options?: WorkerOptions) => Worker
  /** What was seen of one kind. */
  readonly events: <K extends keyof WorkerEvents>(kind: K) => WorkerEvents[K][]
}

/** Sets a stage. */
export function stage(
  alter: (inner: Transport) => Partial<Transport> = () => ({}),
  options: Partial<BrokerOptions> = {},
): Stage {
  const clock = new ManualClock()
  const { logger, lines } = recording()
  const broker = createBroker({
    transport: altered(alter, memoryTransport()),
    clock,
    random: seededRandom(7),
    logger,
    ...options,
  })
  const seen: Seen[] = []
  const worker = (given?: WorkerOptions): Worker => {
    const made = createWorker(broker, given)
    for (const kind of kinds) made.on(kind, (event) => seen.push({ kind, event } as Seen))
    return made
  }
  return {
    broker,
    runtime: runtimeOf(broker),
    clock,
    lines,
    seen,
    worker,
    async work(given) {
      const made = worker(given)
      await made.start()
      return made
    },
    events: <K extends keyof WorkerEvents>(kind: K) =>
      seen.flatMap((one) => (one.kind === kind ? [one.event as WorkerEvents[K]] : [])),
  }
}

/** A delivery as a store would hand it out. */
export function delivery(more: Partial<Delivery> = {}): Delivery {
  return {
    id: 'm1',
    queue: 'default',
    token: 1,
    priority: 4,
    body: '',
    redeliveries: 0,
    enqueuedAt: 0,
    ...more,
  }
}
