import type { Ledger } from './ledger.ts'

/** Writes down every `ms` what this process uses. */
export function sampleMemory(ledger: Ledger, ms: number): NodeJS.Timeout {
  return setInterval(() => writeSample(ledger), ms)
}

/** Writes down what this process uses, after a collection (`--expose-gc`). */
export function writeSample(ledger: Ledger): void {
  globalThis.gc?.()
  const { heapUsed: heap, rss } = process.memoryUsage()
  ledger.write({ kind: 'sample', heap, rss, resources: process.getActiveResourcesInfo().length })
}
