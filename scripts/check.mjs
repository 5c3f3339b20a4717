/**
 * The checks beside the tests: types, lint, format, package, unused code and the coverage floor. Tests run here only
 * when `npm test` has not run on the files as they are.
 */
import { buildIfStale, install, installReflector, runPackage } from './bootstrap.mjs'
import { openServers } from './servers.mjs'
import { finish, step } from './steps.mjs'
import { branchCoverage, passedInLastRun, runTests, testsAreFresh } from './vitest.mjs'

/** The least share of branches, in per cent, that tests must take in the folders where a mistake loses messages. */
const floor = 90
const floored = ['core', 'broker', 'worker', 'workflows', 'scheduler']

install()
installReflector()
step('build', buildIfStale)
step('types', () => runPackage('typescript/bin/tsc', ['-p', 'tsconfig.json']))
step('types of examples/reflector', () =>
  ['examples/reflector/tsconfig.json', 'examples/reflector/src/page/tsconfig.json']
    .map((project) => runPackage('typescript/bin/tsc', ['-p', project]))
    .every(Boolean),
)
step('lint', () => runPackage('oxlint/bin/oxlint', ['--type-aware', '--deny-warnings']))
step('format', () => runPackage('oxfmt/bin/oxfmt', ['--check']))
step('package (publint)', () => runPackage('publint/src/cli.js', ['--strict']))
step('package (are the types wrong)', () =>
  runPackage('@arethetypeswrong/cli/dist/index.js', ['--pack', '.', '--profile', 'esm-only']),
)
step('unused code (knip)', () => runPackage('knip/bin/knip.js', []))
step('unused code of examples/reflector (knip)', () =>
  runPackage('knip/bin/knip.js', ['--directory', 'examples/reflector']),
)
const { environment, close } = await openServers(testsAreFresh() ? [] : undefined)
Object.assign(process.env, environment)
step('tests are current', () => testsAreFresh() || runTests(), { counted: false })
await close()
step(
  'architecture and package tests',
  () => {
    const files = ['tests/architecture.test.ts', 'tests/package.test.ts']
    return files.map(reportTest).every(Boolean)
  },
  { counted: false },
)
step(`coverage: at least ${floor} % of branches`, () => floored.map(reportCoverage).every(Boolean))
finish('check')

function reportTest(file) {
  const passed = passedInLastRun(file)
  console.log(`${file}: ${passed ? 'passed' : 'not passed'} in the last run`)
  return passed
}

function reportCoverage(folder) {
  const share = branchCoverage(folder)
  console.log(`src/${folder}: ${share === undefined ? 'no code yet' : `${share.toFixed(1)} %`}`)
  return share === undefined || share >= floor
}
