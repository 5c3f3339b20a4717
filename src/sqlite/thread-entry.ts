import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import type { ThreadOptions } from './thread-messages.ts'

/*
 * The built package starts the thread from its file beside this one. From sources (our own tests) that
 * file is TypeScript, which a worker thread of Node 20 cannot run: there it is loaded through jiti.
 */
const source = import.meta.url.endsWith('.ts')
const entry = new URL(source ? './engine-thread.ts' : './engine-thread.js', import.meta.url)

/** Whether the thread's file is where it should be; it is not when a bundler has moved this module. */
export const hasThreadFile = (): boolean => entry.protocol === 'file:' && existsSync(entry)

/** Starts the database thread. */
export function startThread(workerData: ThreadOptions): Worker {
  const options = { workerData, name: 'taskwright-sqlite' }
  if (!source) return new Worker(entry, options)
  const jiti = createRequire(import.meta.url).resolve('jiti')
  const path = JSON.stringify(fileURLToPath(entry))
  const load = `require(${JSON.stringify(jiti)}).createJiti(${path}).import(${path})`
  return new Worker(load, { ...options, eval: true, execArgv: [] })
}
