/** The main job from a bare clone: installs and builds what is missing, then runs the text analysis example. */
import { buildIfStale, install, run } from './bootstrap.mjs'

install()
const args = process.argv.slice(2)
const done =
  buildIfStale() &&
  run(process.execPath, ['--import', 'jiti/register', 'examples/text-analysis/main.ts', ...args])
process.exitCode = done ? 0 : 1
