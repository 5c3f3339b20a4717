/** `npm run faults`: installs and builds what is missing, then runs the fault harness of tests/faults. */
import { buildIfStale, install, run } from './bootstrap.mjs'

install()
const args = process.argv.slice(2)
const done =
  buildIfStale() &&
  run(process.execPath, ['--import', 'jiti/register', 'tests/faults/main.ts', ...args])
process.exitCode = done ? 0 : 1
