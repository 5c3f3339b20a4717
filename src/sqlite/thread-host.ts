/**
 * The database in a thread of its own, behind the same interface as on the main thread.
 *
 * - The thread keeps the process alive only while an answer is awaited (`ref`/`unref`).
 * - When it dies, every awaited call fails with a transient error (its outcome is unknown, and every
 *   call is safe to repeat), and the next call opens a new thread, which takes over the process
 *   numbers and the leases to be kept.
 * - The main loop proves that it turns by counting up a number in shared memory; see lease-beat.ts.
 */
import type { Worker } from 'node:worker_threads'
import type { Clock, Timer } from '../core/clock.ts'
import { errorData, rebuildError } from '../core/error-data.ts'
import type { LeaseKeeper, LeaseKeeperOptions } from '../core/transport.ts'
import type { EngineHost } from './engine-host.ts'
import { failureError, type Failure } from './failure.ts'
import type { Operation } from './operations.ts'
import type { Transacted } from './sqlite-engine.ts'
import { startThread } from './thread-entry.ts'
import { ThreadLeaseKeeper } from './thread-lease-keeper.ts'
import type { FromThread, ThreadOptions, ToThread } from './thread-messages.ts'
import { packOperation, unpackReply } from './thread-packing.ts'

/** How a thread host is made. */
export interface ThreadHostOptions extends Omit<ThreadOptions, 'mine' | 'beats'> {
  readonly clock: Clock
}

interface Call {
  readonly message: ToThread
  readonly answered: (message: FromThread) => void
  readonly failed: (failure: Failure) => void
}

/** See the top of the file. */
export class ThreadHost implements EngineHost {
  readonly #options: ThreadHostOptions
  readonly #beats = new SharedArrayBuffer(4)
  readonly #calls = new Map<number, Call>()
  readonly #keepers = new Map<number, ThreadLeaseKeeper>()
  #worker: Worker | undefined
  #opening: Promise<void> | undefined
  #mine: readonly number[] = []
  #last = 0
  #beat: Timer | undefined
  #closed = false

  constructor(options: ThreadHostOptions) {
    this.#options = options
  }

  open(): Promise<void> {
    this.#opening ??= this.#open().catch((error: unknown) => {
      this.#opening = undefined
      throw error
    })
    return this.#opening
  }

  async run(operations: readonly Operation[], now: number): Promise<Transacted> {
    const call = ++this.#last
    return new Promise((resolve) => {
      const failed = (failure: Failure): void =>
        resolve({
          replies: operations.map(() => ({ done: false, failure })),
          news: { work: false, results: false, cancels: false, locks: false, unfinished: [] },
        })
      const answered = (message: FromThread): void => {
        if (message.kind !== 'ran') return
        this.#mine = message.mine
        resolve({ replies: message.replies.map(unpackReply), news: message.news })
      }
      this.#call(call, {
        message: { kind: 'run', call, operations: operations.map(packOperation), now },
        answered,
        failed,
      })
    })
  }

  async dataVersion(): Promise<number> {
    const call = ++this.#last
    return new Promise((resolve, reject) => {
      this.#call(call, {
        message: { kind: 'version', call },
        answered: (message) => message.kind === 'version' && resolve(message.version),
        failed: (failure) => reject(failureError(failure)),
      })
    })
  }

  /** Keeps leases in the thread. */
  keepLeases(options: LeaseKeeperOptions): LeaseKeeper {
    const no = ++this.#last
    const keeper = new ThreadLeaseKeeper(no, options, {
      post: (message) => this.#post(message),
      ended: () => {
        this.#keepers.delete(no)
        this.#arm()
      },
    })
    this.#keepers.set(no, keeper)
    void this.open().then(() => this.#arm(), options.onError)
    return keeper
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#beat?.cancel()
    await this.#opening?.catch(() => {})
    const worker = this.#worker
    if (worker === undefined) return
    this.#worker = undefined
    await new Promise<void>((resolve) => {
      worker.once('exit', () => resolve())
      worker.ref()
      worker.postMessage({ kind: 'close' } satisfies ToThread)
    })
  }

  async #open(): Promise<void> {
    const { clock: _, ...options } = this.#options
    const worker = startThread({ ...options, mine: this.#mine, beats: this.#beats })
    const died = (error: unknown): Error => failureError(threadFailure(this.#options.file, error))
    await new Promise<void>((resolve, reject) => {
      let thrown: unknown
      worker.on('message', (message: FromThread) => {
        if (message.kind === 'open') resolve()
        else if (message.kind === 'failed') reject(failureError(message.failure))
        else this.#heard(message)
      })
      worker.on('error', (error) => (thrown = error))
      worker.on('exit', (code) => {
        const error = thrown ?? new Error(`exit code ${code}`)
        reject(died(error))
        this.#died(worker, error)
      })
    })
    worker.unref()
    this.#worker = worker
    for (const keeper of this.#keepers.values()) keeper.resume()
  }

  #call(no: number, call: Call): void {
    this.#calls.set(no, call)
    if (this.#worker !== undefined) this.#send(this.#worker, call)
    else {
      this.open().then(
        () => this.#worker !== undefined && this.#send(this.#worker, call),
        (error: unknown) => {
          this.#calls.delete(no)
          call.failed(threadFailure(this.#options.file, error))
        },
      )
    }
  }

  #send(worker: Worker, { message }: Call): void {
    worker.ref()
    worker.postMessage(message)
  }

  #post(message: ToThread): void {
    this.#worker?.postMessage(message)
  }

  #heard(message: Exclude<FromThread, { kind: 'open' | 'failed' }>): void {
    switch (message.kind) {
      case 'ran':
      case 'version': {
        const call = this.#calls.get(message.call)
        this.#calls.delete(message.call)
        if (this.#calls.size === 0) this.#worker?.unref()
        call?.answered(message)
        break
      }
      case 'renewed':
        this.#keepers.get(message.keeper)?.heard(message.report)
        break
      case 'notRenewed':
        this.#keepers.get(message.keeper)?.failed(rebuildError(message.error))
        break
    }
  }

  #died(worker: Worker, error: unknown): void {
    if (this.#worker !== worker) return
    this.#worker = undefined
    this.#opening = undefined
    const failure = threadFailure(this.#options.file, error)
    const calls = [...this.#calls.values()]
    this.#calls.clear()
    for (const call of calls) call.failed(failure)
    // Leases must go on being kept, whether or not anybody calls.
    if (this.#keepers.size > 0 && !this.#closed) {
      this.open().catch((again: unknown) => {
        for (const keeper of this.#keepers.values()) keeper.failed(again)
      })
    }
  }

  /** Counts up while there are leases to keep, four times within the shortest limit. */
  #arm(): void {
    const limits = [...this.#keepers.values()].map(({ stallLimit }) => stallLimit)
    this.#beat?.cancel()
    this.#beat = undefined
    if (limits.length === 0 || this.#closed) return
    const beats = new Int32Array(this.#beats)
    const step = Math.max(1, Math.min(...limits) / 4)
    const turn = (): void => {
      Atomics.add(beats, 0, 1)
      this.#beat = this.#options.clock.after(step, turn, { background: true })
    }
    turn()
  }
}

function threadFailure(file: string, error: unknown): Failure {
  const cause = errorData(error)
  return {
    kind: 'store',
    transient: true,
    message:
      `the database thread of '${file}' ended (${cause.message}); whether the call was done is unknown. ` +
      'It is safe to repeat: a new thread is started for it.',
    cause,
  }
}
