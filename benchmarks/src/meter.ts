import { readFileSync } from 'node:fs'
import type { Report } from './steps.ts'

const mega = 1024 * 1024
/** Names the process of the store to a child, where it has one. */
export const storeProcess = 'TASKWRIGHT_BENCH_STORE'

/** Measures time, CPU by thread, and memory from its making on. */
export class Meter {
  readonly #at = process.hrtime.bigint()
  readonly #cpu = process.cpuUsage()
  readonly #main = mainThread()
  readonly #store = storeCpu()

  /** What `tasks` took since the meter was made. */
  read(tasks: number): Report {
    const seconds = Number(process.hrtime.bigint() - this.#at) / 1e9
    const { user, system } = process.cpuUsage(this.#cpu)
    const all = user + system
    const main = mainThread()
    const ofMain = main === undefined || this.#main === undefined ? all : main - this.#main
    const storeNow = storeCpu()
    const ofStore =
      storeNow === undefined || this.#store === undefined ? undefined : storeNow - this.#store
    // A store in this process is its other threads; of a client, they are a part.
    const client = ofStore === undefined ? Math.min(ofMain, all) : all
    const { rss, heapUsed } = process.memoryUsage()
    return {
      tasks,
      seconds,
      client: client / tasks,
      store: (ofStore ?? Math.max(0, all - client)) / tasks,
      rssMb: rss / mega,
      heapMb: heapUsed / mega,
    }
  }
}

/** Milliseconds of the machine's clock that only grows: equal in all processes. */
export const machineTime = (): number => Number(process.hrtime.bigint()) / 1e6

/** The heap after a collection, in bytes. */
export function collectedHeap(): number {
  globalThis.gc?.()
  return process.memoryUsage().heapUsed
}

/** Microseconds of CPU of the main thread; `undefined` where the system does not say. */
function mainThread(): number | undefined {
  return ranFor(`/proc/self/task/${process.pid}/schedstat`)
}

/** Microseconds of CPU of the store's own process; `undefined` where it is in ours. */
function storeCpu(): number | undefined {
  const pid = process.env[storeProcess]
  return pid === undefined ? undefined : ranFor(`/proc/${pid}/schedstat`)
}

/** What Linux says a thread has run for: nanoseconds, where `stat` tells steps of 10 ms. */
function ranFor(file: string): number | undefined {
  try {
    return Number(readFileSync(file, 'utf8').split(' ')[0]) / 1000
  } catch {
    return undefined
  }
}
