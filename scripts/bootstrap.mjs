/**
 * Brings a bare clone to the point where everything else runs: installs the locked packages and builds `dist/`, each
 * only when it is missing or out of date. Plain Node without dependencies, so that it works before `npm ci`.
 */
import { spawnSync } from 'node:child_process'
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = dirname(dirname(fileURLToPath(import.meta.url)))
const stamp = join(root, 'node_modules/.cache/taskwright/built')

/** Runs a command in the project's root with its output shown; whether it ended with 0. */
export function run(command, args, env = {}) {
  const options = {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, ...env },
  }
  const { status, error } = spawnSync(command, args, options)
  if (error) console.error(error.message)
  return status === 0
}

/** Runs the program `path` of an installed package: `runPackage('typescript/bin/tsc', ['-p', '.'])`. */
export const runPackage = (path, args, env) =>
  run(process.execPath, [join(root, 'node_modules', path), ...args], env)

/** Installs what package-lock.json names, unless node_modules holds exactly that. */
export function install(folder = root) {
  if (installed(folder)) return
  console.log(`Installing the locked packages (npm ci)${folder === root ? '' : ` of ${folder}`}`)
  const args = ['ci', '--prefix', folder]
  const npm = process.env.npm_execpath
  const done = npm?.endsWith('.js') ? run(process.execPath, [npm, ...args]) : run('npm', args)
  if (!done) throw new Error('npm ci failed; its output above says why')
}

/** Installs what the reference application needs, and this package under its own name, as a user has it. */
export function installReflector() {
  const folder = join(root, 'examples/reflector')
  install(folder)
  const link = join(folder, 'node_modules/taskwright')
  if (!existsSync(link)) symlinkSync(root, link, 'junction')
}

function installed(folder) {
  const hidden = join(folder, 'node_modules/.package-lock.json')
  if (!existsSync(hidden)) return false
  const here = JSON.parse(readFileSync(hidden, 'utf8')).packages
  const locked = JSON.parse(readFileSync(join(folder, 'package-lock.json'), 'utf8')).packages
  return Object.entries(locked).every(([path, { version, optional, devOptional }]) => {
    if (path === '') return true
    return here[path] ? here[path].version === version : Boolean(optional ?? devOptional)
  })
}

/** Builds `dist/` when a source is newer than the last build; whether `dist/` is up to date now. */
export function buildIfStale() {
  const fresh =
    existsSync(stamp) && existsSync(join(root, 'dist')) && changedAt(sources) <= mtime(stamp)
  return fresh || build()
}

/** Builds `dist/` from scratch. A failed build leaves the previous one in place. */
export function build() {
  console.log('Building dist/')
  const started = new Date()
  const next = join(root, `dist-${process.pid}`)
  const built =
    runPackage('typescript/bin/tsc', ['-p', 'tsconfig.build.json', '--outDir', next]) &&
    run(process.execPath, [join(root, 'scripts/bundle.mjs'), next])
  if (built) {
    rmSync(join(root, 'dist'), { recursive: true, force: true })
    renameSync(next, join(root, 'dist'))
    mkdirSync(dirname(stamp), { recursive: true })
    writeFileSync(stamp, started.toISOString())
  }
  rmSync(next, { recursive: true, force: true })
  return built
}

const sources = [
  'src',
  'package.json',
  'tsconfig.json',
  'tsconfig.build.json',
  'scripts/bundle.mjs',
]

/** When anything under these paths last changed, in milliseconds. Folders count: they change when a file goes. */
export function changedAt(paths) {
  const found = paths.map((name) => join(root, name)).filter((path) => existsSync(path))
  return Math.max(0, ...found.map(newestIn))
}

/**
 * Not entered are an example's packages, among which is a link to this very folder, and what was built
 * from it: they are no sources.
 */
function newestIn(path) {
  if (!lstatSync(path).isDirectory()) return mtime(path)
  const inside = readdirSync(path).filter((name) => name !== 'node_modules' && name !== 'dist')
  return Math.max(mtime(path), ...inside.map((name) => newestIn(join(path, name))))
}

/** When this file last changed, in milliseconds; 0 where there is none. */
export const mtime = (path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0
