import { dirname, extname, resolve } from 'node:path'
import { watch } from 'chokidar'
import { systemClock, type Timer } from '../core/clock.ts'
import { moduleEndings } from '../worker/load-module.ts'

const endings: ReadonlySet<string> = new Set([...moduleEndings, '.json', '.jsx'])
const skipped = /(?:^|[\\/])(?:node_modules|dist|coverage|\.[^\\/]+)(?:[\\/]|$)/
/** An editor that saves many files makes many events: one restart answers them all. */
const settlingTime = 150

/** Watching, until it is closed. */
export interface FileWatch {
  close(): Promise<void>
}

/** Calls `onChange` with the path when a source under the folders of these files has changed. */
export async function watchFiles(
  files: readonly string[],
  onChange: (path: string) => void,
): Promise<FileWatch> {
  const folders = [...new Set(files.map((file) => dirname(resolve(file))))]
  const watcher = watch(folders, {
    ignoreInitial: true,
    ignored: (path, stats) => {
      const inside = folders.map((folder) =>
        path.startsWith(folder) ? path.slice(folder.length) : path,
      )
      // A project may itself lie in a folder named dist or .cache: only what is below counts.
      const hidden = inside.every((rest) => skipped.test(rest))
      return hidden || (stats?.isFile() === true && !endings.has(extname(path)))
    },
  })
  let timer: Timer | undefined
  watcher.on('all', (_, path) => {
    timer?.cancel()
    timer = systemClock.after(settlingTime, () => onChange(path))
  })
  await new Promise<void>((ready) => void watcher.once('ready', () => ready()))
  return {
    async close() {
      timer?.cancel()
      await watcher.close()
    },
  }
}
