import { execFileSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'

/** A file system of a few megabytes. */
export interface SmallDisk {
  readonly folder: string
  remove(): void
}

/** Mounts one; a reason where that is not possible. */
export function mountSmallDisk(folder: string, megabytes: number): SmallDisk | string {
  if (process.platform !== 'linux' || process.getuid?.() !== 0)
    return 'a small disk is a tmpfs, which only root may mount, on Linux'
  mkdirSync(folder)
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', folder], {
      stdio: 'pipe',
    })
  } catch (error) {
    return `a small disk could not be mounted: ${(error as Error).message.split('\n')[0]}`
  }
  return {
    folder,
    remove: () => void execFileSync('umount', ['--lazy', folder], { stdio: 'pipe' }),
  }
}
