import { execFileSync } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Program } from './program.ts'

/** Which calls fail, as one of so many: `{ write: ['EIO', 200] }`. */
export type IoFaults = Partial<
  Record<'write' | 'sync' | 'truncate', readonly ['EIO' | 'ENOSPC', number]>
>

/** A library that makes calls of the file system fail in the processes that are started with it. */
export interface IoShim {
  /** What a process needs in its environment so that calls on files of this name fail. */
  environment(of: { path: string; faults: IoFaults; seed: number }): Record<string, string>
  /** How many calls have failed. */
  failures(): number
}

const source = fileURLToPath(new URL('./native/io-faults.c', import.meta.url))

/** Compiles it; a reason where that is not possible. */
export function makeIoShim(program: Program): IoShim | string {
  if (process.platform !== 'linux')
    return 'system calls are made to fail by LD_PRELOAD, which is of Linux'
  const library = join(program.folder, 'io-faults.so')
  const log = join(program.folder, 'io-faults.log')
  if (!existsSync(library)) {
    try {
      execFileSync('gcc', ['-shared', '-fPIC', '-O2', '-o', library, source, '-ldl'], {
        stdio: 'pipe',
      })
    } catch (error) {
      return `system calls are made to fail by a library that gcc compiles: ${(error as Error).message.split('\n')[0]}`
    }
  }
  const size = (): number => statSync(log, { throwIfNoEntry: false })?.size ?? 0
  const before = size()
  return {
    environment: ({ path, faults, seed }) => ({
      LD_PRELOAD: library,
      FAULT_IO: Object.entries(faults)
        .map(([call, [error, every]]) => `${call}:${error}:${every}`)
        .join(','),
      FAULT_IO_PATH: path,
      FAULT_IO_SEED: String(seed),
      FAULT_IO_LOG: log,
    }),
    failures: () => size() - before,
  }
}
