import { closeSync, fdatasyncSync, openSync, rmSync, writeSync } from 'node:fs'
import { availableParallelism, cpus, loadavg, platform, release, totalmem } from 'node:os'
import { join } from 'node:path'
import { median } from './statistics.ts'

/** Where it was measured. */
export interface Machine {
  readonly cores: number
  readonly model: string
  readonly memoryGb: number
  readonly system: string
  readonly node: string
  /** Microseconds of one fdatasync after 4 kB: what `synchronous=FULL` waits for. */
  readonly fdatasync: number
}

/** Asks the machine; writes a small file into `folder` to time the disk. */
export function describeMachine(folder: string): Machine {
  return {
    cores: availableParallelism(),
    model: cpus()[0]?.model ?? 'unknown',
    memoryGb: Math.round(totalmem() / 2 ** 30),
    system: `${platform()} ${release()}`,
    node: process.versions.node,
    fdatasync: Math.round(timeSync(folder)),
  }
}

/** The load of the last minute: how many processes wanted a core. */
export const load = (): number => loadavg()[0] ?? Number.NaN

function timeSync(folder: string): number {
  const file = join(folder, 'sync')
  const descriptor = openSync(file, 'w')
  const block = Buffer.alloc(4096)
  const times = Array.from({ length: 50 }, () => {
    const at = performance.now()
    writeSync(descriptor, block)
    fdatasyncSync(descriptor)
    return (performance.now() - at) * 1000
  })
  closeSync(descriptor)
  rmSync(file)
  return median(times)
}
