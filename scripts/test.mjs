/**
 * Everything a machine can run: the servers, the build, every vitest project with coverage, the type tests on two
 * compilers.
 * With arguments, only the named tests: `npm test -- tests/unit/core`.
 */
import { buildIfStale, install, installReflector, runPackage } from './bootstrap.mjs'
import { findBrowser } from './browser.mjs'
import { openServers } from './servers.mjs'
import { count, finish, step } from './steps.mjs'
import { typeTests } from './types.mjs'
import { runTests, testCounts } from './vitest.mjs'

install()
installReflector()
const { environment, missing, failed, close } = await openServers()
Object.assign(process.env, environment)
const chosen = process.argv.slice(2)
if (chosen.length > 0) {
  const passed = buildIfStale() && runPackage('vitest/vitest.mjs', ['run', ...chosen])
  process.exitCode = passed ? 0 : 1
} else {
  step('build', buildIfStale, { counted: false })
  // Named again at the end, where it is read.
  if (failed) step(missing.join(' '), () => false)
  // A browser is no server: a run without one has not failed, but says so. See docs/decisions/0017.
  const browser = findBrowser()
  Object.assign(process.env, browser.environment)
  if (browser.missing !== undefined) missing.push(browser.missing)
  let finished = false
  console.log('\n── tests')
  finished = runTests()
  count(testCounts(finished))
  for (const { name, check } of typeTests) step(name, check)
  finish('test')
  for (const text of missing) console.log(text)
}
await close()
