/** Runs every test once, with coverage, and reads what the run left behind. */
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { changedAt, mtime, root, runPackage } from './bootstrap.mjs'

const report = join(root, 'coverage/tests.json')
const summary = join(root, 'coverage/coverage-summary.json')
const watched = ['src', 'tests', 'examples', 'docs', 'package.json', 'vitest.config.ts']

/** Runs the whole suite; whether every test passed. */
export function runTests() {
  rmSync(join(root, 'coverage'), { recursive: true, force: true })
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
  return runPackage('vitest/vitest.mjs', ['run', '--coverage', ...reporters])
}

/** Whether the last whole run saw the files as they are now. */
export const testsAreFresh = () => existsSync(summary) && mtime(report) > changedAt(watched)

/** How the tests of the last run ended. A crash, a file that did not load and an empty run all count as failed. */
export function testCounts(finished) {
  if (!existsSync(report)) return { passed: 0, failed: 1 }
  const { numPassedTests: passed, numFailedTests: failedTests, testResults } = readReport()
  const unloaded = testResults.filter(
    (file) => file.status === 'failed' && file.assertionResults.length === 0,
  ).length
  const failed = failedTests + unloaded
  return { passed, failed: failed === 0 && (!finished || passed === 0) ? 1 : failed }
}

/** Whether this test file ran in the last whole run and passed. */
export function passedInLastRun(file) {
  const found =
    existsSync(report) && readReport().testResults.find(({ name }) => name.endsWith(`/${file}`))
  return Boolean(found) && found.status === 'passed'
}

/** The share of branches covered under a folder of src/, in per cent; undefined while it holds no code. */
export function branchCoverage(folder) {
  const files = Object.entries(JSON.parse(readFileSync(summary, 'utf8')))
  const inside = files.filter(([file]) => file.startsWith(join(root, 'src', folder, '/')))
  const sum = (key) => inside.reduce((so, [, { branches }]) => so + branches[key], 0)
  const total = sum('total')
  return total === 0 ? undefined : (100 * sum('covered')) / total
}

const readReport = () => JSON.parse(readFileSync(report, 'utf8'))
