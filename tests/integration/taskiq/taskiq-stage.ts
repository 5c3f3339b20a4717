/** A Redis of its own, a TypeScript broker and Python programs on it: each language has its queue. */
import { createBroker, createWorker, silentLogger } from '../../../src/index.ts'
import type { Broker } from '../../../src/broker/broker.ts'
import type { BrokerOptions } from '../../../src/broker/broker-options.ts'
import { redisTransport, type RedisOptions } from '../../../src/redis/index.ts'
import type { Worker } from '../../../src/worker/worker.ts'
import type { WorkerOptions } from '../../../src/worker/worker-options.ts'
import { OwnRedis } from '../../support/own-redis.ts'
import { PythonSide, type PythonSettings } from './python-side.ts'

/** Our queue, and that of the Python program. */
export const [ours, theirs] = ['ts', 'py']

/** Everything that a test file opens; closed in one go, newest first. */
export class TaskiqStage {
  readonly redis: OwnRedis
  readonly #python: string
  readonly #closes: (() => Promise<unknown>)[] = []

  private constructor(redis: OwnRedis, python: string) {
    this.redis = redis
    this.#python = python
  }

  static async open(python: string): Promise<TaskiqStage> {
    return new TaskiqStage(await OwnRedis.start(), python)
  }

  /** A broker of ours; its tasks are sent to our queue. */
  broker(options: Partial<BrokerOptions> = {}, redis: Partial<RedisOptions> = {}): Broker {
    const broker = createBroker({
      transport: redisTransport({ url: this.redis.url, ...redis }),
      queue: ours,
      logger: silentLogger,
      ...options,
    })
    this.#closes.push(() => broker.stop())
    return broker
  }

  /** A worker of ours that runs. */
  async work(broker: Broker, options: WorkerOptions = {}): Promise<Worker> {
    const worker = createWorker(broker, { shutdownTimeout: '2s', ...options })
    this.#closes.push(() => worker.stop())
    await worker.start()
    return worker
  }

  /** A Python program. */
  async python(settings: Partial<PythonSettings> = {}): Promise<PythonSide> {
    const side = await PythonSide.start(this.#python, {
      url: this.redis.url,
      queue: theirs,
      ...settings,
    })
    this.#closes.push(() => side.kill())
    return side
  }

  /** What else is to be closed at the end. */
  defer(close: () => Promise<unknown>): void {
    this.#closes.push(close)
  }

  async close(): Promise<void> {
    for (const close of this.#closes.splice(0).reverse()) await close()
    await this.redis.remove()
  }
}
