/**
 * Leases kept from a thread: it has a connection of its own, reads what is held in memory that it shares
 * with us, and renews it whether or not our event loop turns, up to the stall limit. Nothing crosses for a
 * claim; only what was lost or cancelled comes back.
 *
 * Until the thread is connected, and when it has died until another one is, the loop renews by itself. So
 * it does for good where there can be no thread: a client of the user's own that cannot be made again
 * elsewhere, or a bundler that has moved the file.
 */
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import type { Timer } from '../core/clock.ts'
import type { Claim } from '../core/delivery.ts'
import { rebuildError } from '../core/error-data.ts'
import type { ExtendReport, LeaseKeeperOptions } from '../core/transport.ts'
import { KeptLeases } from './kept-leases.ts'
import type { FromLeaseThread, LeaseThreadData, ToLeaseThread } from './lease-thread-messages.ts'
import type { RedisStore } from './redis-store.ts'

/*
 * The built package starts the thread from its file beside this one. From sources (our own tests) that
 * file is TypeScript, which a worker thread of Node 20 cannot run: there it is loaded through jiti.
 */
const source = import.meta.url.endsWith('.ts')
const entry = new URL(
  source ? './lease-thread-entry.ts' : './lease-thread-entry.js',
  import.meta.url,
)

/** Milliseconds until a thread that has died is started again. */
const restartAfter = 1000
/** The thread needs little: what it renews is read anew each time. */
const resourceLimits = { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 64 }

/** See the top of the file. */
export class LeaseThread {
  readonly #store: RedisStore
  readonly #extend: (claims: readonly Claim[], lease: number) => Promise<ExtendReport>
  readonly #beats = new SharedArrayBuffer(4)
  readonly #keepers = new Map<number, KeptLeases>()
  #worker: Worker | undefined
  #ready = false
  #toldQueues = 0
  #last = 0
  #beat: Timer | undefined
  #restart: Timer | undefined

  constructor(
    store: RedisStore,
    extend: (claims: readonly Claim[], lease: number) => Promise<ExtendReport>,
  ) {
    this.#store = store
    this.#extend = extend
  }

  /** Begins to keep leases. */
  keep(options: LeaseKeeperOptions): KeptLeases {
    const no = ++this.#last
    const keeper: KeptLeases = new KeptLeases(options, {
      clock: this.#store.around.clock,
      beats: new Int32Array(this.#beats),
      queues: () => this.#queues(),
      extend: this.#extend,
      onKept: () => this.#tellQueues(),
      onGrown: () => this.#announce(no, keeper),
      onStopped: () => this.#ended(no),
    })
    this.#keepers.set(no, keeper)
    this.#arm()
    if (this.#worker === undefined) this.#start()
    else {
      this.#announce(no, keeper)
      if (this.#ready) keeper.leftToThread()
    }
    return keeper
  }

  /** Ends all keepers, and the thread. */
  async stop(): Promise<void> {
    await Promise.all([...this.#keepers.values()].map((keeper) => keeper.stop()))
  }

  #start(): void {
    const place = this.#store.connector.forThread
    if (place === undefined || entry.protocol !== 'file:' || !existsSync(entry)) return
    const {
      url: _url,
      options: _options,
      cluster: _cluster,
      client: _client,
      ...names
    } = this.#store.options
    const data: LeaseThreadData = {
      options: { ...names, ...place },
      instance: this.#store.instance,
      beats: this.#beats,
    }
    let worker: Worker
    try {
      worker = startWorker(data)
    } catch {
      // Options that cannot cross to a thread: the loop goes on renewing.
      return
    }
    this.#worker = worker
    this.#toldQueues = 0
    worker.unref()
    worker.on('message', (message: FromLeaseThread) => this.#heard(message))
    worker.on('error', () => {})
    worker.on('exit', () => this.#died(worker))
    for (const [no, keeper] of this.#keepers) this.#announce(no, keeper)
    this.#tellQueues()
  }

  #announce(keeper: number, { options, ledger }: KeptLeases): void {
    const { lease, every, stallLimit } = options
    this.#post({ kind: 'keeper', keeper, options: { lease, every, stallLimit }, ledger })
  }

  /** A queue has its number before its first claim, and the thread its name in that same turn. */
  #tellQueues(): void {
    const queues = this.#queues()
    if (queues.length === this.#toldQueues || this.#worker === undefined) return
    this.#toldQueues = queues.length
    this.#post({ kind: 'queues', queues })
  }

  #queues(): readonly string[] {
    return this.#store.seen().map(({ queue }) => queue)
  }

  #heard(message: FromLeaseThread): void {
    switch (message.kind) {
      case 'ready':
        this.#ready = true
        for (const keeper of this.#keepers.values()) keeper.leftToThread()
        break
      case 'renewed':
        this.#keepers.get(message.keeper)?.heard(message.report)
        break
      case 'notRenewed':
        this.#keepers.get(message.keeper)?.failed(rebuildError(message.error))
    }
  }

  #died(worker: Worker): void {
    if (this.#worker !== worker) return
    this.#worker = undefined
    this.#ready = false
    for (const keeper of this.#keepers.values()) keeper.takenBack()
    this.#restart = this.#store.around.clock.after(
      restartAfter,
      () => {
        if (this.#keepers.size > 0 && this.#worker === undefined) this.#start()
      },
      { background: true },
    )
  }

  #ended(no: number): void {
    this.#keepers.delete(no)
    this.#post({ kind: 'keeperEnd', keeper: no })
    this.#arm()
    if (this.#keepers.size > 0) return
    this.#restart?.cancel()
    const worker = this.#worker
    this.#worker = undefined
    this.#ready = false
    void worker?.terminate()
  }

  #post(message: ToLeaseThread): void {
    this.#worker?.postMessage(message)
  }

  /** Counts up while there are leases to keep, four times within the shortest limit. */
  #arm(): void {
    const limits = Array.from(this.#keepers.values(), ({ options }) => options.stallLimit)
    this.#beat?.cancel()
    this.#beat = undefined
    if (limits.length === 0) return
    const beats = new Int32Array(this.#beats)
    const step = Math.max(1, Math.min(...limits) / 4)
    const turn = (): void => {
      Atomics.add(beats, 0, 1)
      this.#beat = this.#store.around.clock.after(step, turn, { background: true })
    }
    turn()
  }
}

function startWorker(workerData: LeaseThreadData): Worker {
  const options = { workerData, name: 'taskwright-leases', resourceLimits }
  if (!source) return new Worker(entry, options)
  const jiti = createRequire(import.meta.url).resolve('jiti')
  const path = JSON.stringify(fileURLToPath(entry))
  const load = `require(${JSON.stringify(jiti)}).createJiti(${path}).import(${path})`
  return new Worker(load, { ...options, eval: true, execArgv: [] })
}
