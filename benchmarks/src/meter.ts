import { readFileSync } from 'node:fs'
import type { Report } from './steps.ts'

/** Ticks of `/proc`, per second: what Linux shows to programs is 100 on every machine. */
const ticks = 100
const mega = 1024 * 1024

/** Measures time, CPU by thread, and memory from its making on. */
export class Meter {
  readonly #at = process.hrtime.bigint()
  readonly #cpu = process.cpuUsage()
  readonly #main = mainThread()

  /** What `tasks` took since the meter was made. */
  read(tasks: number): Report {
    const seconds = Number(process.hrtime.bigint() - this.#at) / 1e9
    const { user, system } = process.cpuUsage(this.#cpu)
    const all = user + system
    const main = mainThread()
    const client = main === undefined || this.#main === undefined ? all : main - this.#main
    const { rss, heapUsed } = process.memoryUsage()
    return {
      tasks,
      seconds,
      client: Math.min(client, all) / tasks,
      store: Math.max(0, all - client) / tasks,
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
