/** The named steps of a script: each runs, is timed and counted, and the counts are kept for `.ci/run`. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './bootstrap.mjs'

const lines = []
const counts = { passed: 0, failed: 0 }

/** Runs one step; it fails when `work` returns false or throws. A step counts as one check unless `counted` is false. */
export function step(name, work, { counted = true } = {}) {
  const started = performance.now()
  console.log(`\n── ${name}`)
  let passed = false
  try {
    passed = work() !== false
  } catch (error) {
    console.error(error instanceof Error ? error.message : error)
  }
  lines.push(
    `${passed ? '✓' : '✗'} ${name} (${((performance.now() - started) / 1000).toFixed(1)} s)`,
  )
  if (!passed) counts.failed += 1
  else if (counted) counts.passed += 1
  return passed
}

/** Adds checks counted elsewhere, such as the tests of a run. */
export function count({ passed, failed }) {
  counts.passed += passed
  counts.failed += failed
}

/** Prints the summary, keeps the counts in `coverage/<script>.counts.json` and sets the exit code. */
export function finish(script) {
  mkdirSync(join(root, 'coverage'), { recursive: true })
  writeFileSync(join(root, `coverage/${script}.counts.json`), JSON.stringify(counts))
  console.log(`\n${lines.join('\n')}\n${script}: ${counts.passed} passed, ${counts.failed} failed`)
  process.exitCode = counts.failed === 0 ? 0 : 1
}
