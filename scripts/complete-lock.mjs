/**
 * Completes package-lock.json with the optional platform packages that npm left out.
 *
 * npm drops an optional package from the lock when the registry it asked does not carry it, and `npm ci` then refuses
 * the lock on every machine. Each missing entry is fully told by its parent: an exact version, and a platform in the
 * name. Entries added here carry no integrity hash; npm fills it in when it next resolves them. Run after changing a
 * dependency: `node scripts/complete-lock.mjs`.
 */
import { readFileSync, writeFileSync } from 'node:fs'

const file = new URL('../package-lock.json', import.meta.url)
const lock = JSON.parse(readFileSync(file, 'utf8'))
const systems = [
  'aix',
  'android',
  'darwin',
  'freebsd',
  'linux',
  'netbsd',
  'openbsd',
  'openharmony',
  'sunos',
  'win32',
]
const processors = [
  'arm64',
  'arm',
  'ia32',
  'loong64',
  'mips64el',
  'ppc64',
  'riscv64',
  's390x',
  'wasm32',
  'x64',
]
const exact = /^\d+\.\d+\.\d+(-[\w.]+)?$/

let added = 0
for (const [path, parent] of Object.entries(lock.packages)) {
  if (path === '') continue
  for (const [name, version] of Object.entries(parent.optionalDependencies ?? {})) {
    if (found(path, name)) continue
    const words = name.split('/').at(-1).split('-')
    const os = systems.find((system) => words.includes(system))
    const cpu = processors.find((processor) => words.includes(processor))
    if (!exact.test(version) || (!os && !cpu)) {
      console.error(`not a platform package, left out: ${name}@${version} of ${path}`)
      continue
    }
    const libc = words.some((word) => word.startsWith('musl'))
      ? 'musl'
      : words.some((word) => word.startsWith('gnu'))
        ? 'glibc'
        : undefined
    lock.packages[`node_modules/${name}`] = {
      version,
      ...(cpu && { cpu: [cpu] }),
      ...(parent.dev && { dev: true }),
      ...(libc && os === 'linux' && { libc: [libc] }),
      optional: true,
      ...(os && { os: [os] }),
    }
    added += 1
  }
}

lock.packages = Object.fromEntries(
  Object.entries(lock.packages).sort(([a], [b]) => a.localeCompare(b, 'en')),
)
writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`)
console.log(`${added} platform packages added to package-lock.json`)

/** Whether Node would find `name` from the package at `path`. */
function found(path, name) {
  for (let at = path; ; at = at.slice(0, at.lastIndexOf('/node_modules/'))) {
    if (lock.packages[`${at}/node_modules/${name}`]) return true
    if (!at.includes('/node_modules/')) return Boolean(lock.packages[`node_modules/${name}`])
  }
}
