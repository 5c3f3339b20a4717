import { readFileSync } from 'node:fs'
import type { Report } from './steps.ts'

/** Ticks of `/proc`, per second: what Linux shows to programs is 100 on every machine. */
const ticks = 100
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

/** Microseconds of CPU of the main thread, in steps of 10 ms; `undefined` where the system does not say. */
function mainThread(): number | undefined {
  try {
    const text = readFileSync(`/proc/self/task/${process.pid}/stat`, 'utf8')
    // The name of the program may hold anything; the fields begin behind its bracket.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    return ((Number(fields[11]) + Number(fields[12])) * 1e6) / ticks
  } catch {
    return undefined
  }
}

/** Microseconds of CPU of the store's own process; `undefined` where it is in ours. */
function storeCpu(): number | undefined {
  const pid = process.env[storeProcess]
  if (pid === undefined) return undefined
  try {
    return Number(readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[0]) / 1000
  } catch {
    return undefined
  }
}
