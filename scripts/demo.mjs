/**
 * The main job from a bare clone: installs and builds what is missing, then runs the reference application, or with
 * `--text` the text analysis example.
 */
import { buildIfStale, install, installReflector, run } from './bootstrap.mjs'

const args = process.argv.slice(2)
const text = args.includes('--text')

install()
process.exitCode = buildIfStale() && (text ? runText() : runReflector()) ? 0 : 1

function runText() {
  const rest = args.filter((arg) => arg !== '--text')
  return run(process.execPath, [
    ...['--import', 'jiti/register'],
    'examples/text-analysis/main.ts',
    ...rest,
  ])
}

function runReflector() {
  installReflector()
  const folder = 'examples/reflector'
  const vite = `${folder}/node_modules/vite/bin/vite.js`
  const page = ['build', '--config', `${folder}/vite.config.ts`, '--logLevel', 'warn']
  return (
    run(process.execPath, [vite, ...page, `${folder}/src/page`]) &&
    run(process.execPath, ['--import', 'jiti/register', `${folder}/src/demo/main.ts`, ...args])
  )
}
