/**
 * The benchmark from a bare clone: installs and builds what is missing, builds benchmarks/ against dist/ and runs it.
 * All arguments go on: `npm run bench -- --help`.
 */
import {
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join, resolve } from 'node:path'
import { buildIfStale, install, root, run, runPackage } from './bootstrap.mjs'
import { openServers } from './servers.mjs'

const folder = join(root, 'benchmarks')
const args = process.argv.slice(2)

install()
const { environment, close } = await openServers(['redis'])
Object.assign(process.env, environment)
const built = buildIfStale() && prepare() && buildBenchmarks() && buildAgainst()
process.exitCode = built && run(process.execPath, [join(folder, 'dist/main.js'), ...args]) ? 0 : 1
await close()

/** Peers where they are asked for, and this package under its own name, as a user has it. */
function prepare() {
  if (args.some((arg) => /^--peers?\b/.test(arg))) installPeers()
  const link = join(folder, 'node_modules/taskwright')
  if (existsSync(link)) return true
  mkdirSync(join(folder, 'node_modules'), { recursive: true })
  rmSync(link, { force: true })
  symlinkSync(root, link, 'junction')
  return true
}

/** Other libraries are not needed for our own numbers: where they cannot be installed, their rows say so. */
function installPeers() {
  installPackages()
  installPython()
}

/** Peers in Python, in a virtual environment beside the packages. */
function installPython() {
  const wanted = readFileSync(join(folder, 'python/requirements.txt'), 'utf8')
  const place = join(folder, 'node_modules/.python')
  const stamp = join(place, 'installed.txt')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return
  console.log('Installing the peers that run in Python')
  const requirements = join(folder, 'python/requirements.txt')
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', requirements]
  if (run('python3', ['-m', 'venv', place]) && run(join(place, 'bin/python'), pip)) {
    writeFileSync(stamp, wanted)
  } else console.error('The peers in Python could not be installed; their rows will say so.')
}

function installPackages() {
  const { dependencies } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  const missing = Object.entries(dependencies).filter(([name, version]) => {
    const file = join(folder, 'node_modules', name, 'package.json')
    return !existsSync(file) || JSON.parse(readFileSync(file, 'utf8')).version !== version
  })
  if (missing.length === 0) return
  console.log(
    'Installing the peers; better-sqlite3 compiles for about 80 s where it has no binary.',
  )
  // The link to ourselves would be taken for a package that does not belong there.
  rmSync(join(folder, 'node_modules/taskwright'), { force: true })
  if (
    !run('npm', ['install', '--prefix', folder, '--no-audit', '--no-fund', '--no-package-lock'])
  ) {
    console.error('The peers could not be installed; their rows will say that they failed.')
  }
}

/** The other checkout, built by itself, and this very benchmark built into it: both are measured by the same program. */
function buildAgainst() {
  const at = args.findIndex((arg) => /^--against\b/.test(arg))
  if (at < 0) return true
  const [, inline] = args[at].split('=')
  const there = resolve(inline ?? args[at + 1] ?? '')
  if (!existsSync(join(there, 'package.json'))) {
    console.error(`--against names a checkout of this project; there is none at ${there}.`)
    return false
  }
  const place = join(there, 'benchmarks')
  const link = join(place, 'node_modules/taskwright')
  if (!run(process.execPath, [join(there, 'scripts/build.mjs')])) return false
  mkdirSync(join(place, 'node_modules'), { recursive: true })
  if (!existsSync(link)) symlinkSync(there, link, 'junction')
  rmSync(join(place, 'dist'), { recursive: true, force: true })
  cpSync(join(folder, 'dist'), join(place, 'dist'), { recursive: true })
  process.env.TASKWRIGHT_BENCH_AGAINST = join(place, 'dist/child.js')
  return true
}

function buildBenchmarks() {
  rmSync(join(folder, 'dist'), { recursive: true, force: true })
  return runPackage('typescript/bin/tsc', ['-p', 'benchmarks/tsconfig.json'])
}
