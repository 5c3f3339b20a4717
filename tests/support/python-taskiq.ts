/** Virtual environments with Python's TaskIQ, made when they are first needed and kept in `.cache/`. */
import { execFile, execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe } from 'vitest'

const run = promisify(execFile)
const cache = fileURLToPath(new URL('../../.cache', import.meta.url))
/** Milliseconds for which another process may be making the same environment. */
const patience = 180_000
const inCi = process.env['CI'] !== undefined

/** What is common to all environments: the serializers that TaskIQ takes from elsewhere. */
const serializers = ['msgpack==1.2.4', 'cbor2==6.3.0', 'orjson==3.13.0', 'pydantic==2.14.4']

/** The versions that the tests run against: the one that the wire format was recorded from, and a newer one. */
const releases = {
  '0.12.4': ['taskiq==0.12.4', 'taskiq-redis==1.2.2', 'taskiq-pipelines==0.1.4', 'redis==7.4.1'],
  '0.13.0': ['taskiq==0.13.0', 'taskiq-redis==1.2.4', 'taskiq-pipelines==0.1.4', 'redis==8.1.0'],
} as const

/** A version of TaskIQ that the tests run against. */
export type TaskiqRelease = keyof typeof releases

/** An environment, or why there is none. */
export type PythonEnvironment =
  | { readonly python: string; readonly reason?: never }
  | { readonly python?: never; readonly reason: string }

/** Makes the environment of a release, or finds it. With CI set it must be there. */
export async function pythonWith(release: TaskiqRelease): Promise<PythonEnvironment> {
  const folder = join(cache, `taskiq-${release}`)
  const python = join(folder, 'bin/python')
  const complete = join(folder, 'complete')
  if (existsSync(complete)) return { python }
  const base = ['python3.13', 'python3.12', 'python3.11', 'python3'].find(isNewEnough)
  if (base === undefined) return none('there is no Python 3.11 or newer')
  // Under a name of its own first: a run that was killed must not leave half of one behind.
  const own = `${folder}-${process.pid}`
  const lock = `${folder}.lock`
  mkdirSync(cache, { recursive: true })
  const mine = await isMine(lock, complete)
  try {
    if (existsSync(complete)) return { python }
    rmSync(own, { recursive: true, force: true })
    await run(base, ['-m', 'venv', own])
    const packages = [...releases[release], ...serializers]
    const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check']
    await run(join(own, 'bin/python'), [...pip, ...packages], { timeout: 300_000 })
    writeFileSync(join(own, 'complete'), packages.join('\n'))
    if (!existsSync(complete)) {
      rmSync(folder, { recursive: true, force: true })
      renameSync(own, folder)
    }
    return { python }
  } catch (error) {
    if (existsSync(complete)) return { python }
    const why = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error)
    return none(`TaskIQ ${release} could not be installed from PyPI: ${why}`)
  } finally {
    rmSync(own, { recursive: true, force: true })
    if (mine) rmSync(lock, { recursive: true, force: true })
  }
}

/** Whether this process makes it: waits while another one does, and does it all the same where that takes too long. */
async function isMine(lock: string, complete: string): Promise<boolean> {
  for (let waited = 0; waited < patience; waited += 200) {
    try {
      mkdirSync(lock)
      return true
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 200))
    }
    if (existsSync(complete)) return false
  }
  return false
}

function none(reason: string): PythonEnvironment {
  if (inCi) throw new Error(`these tests need Python's TaskIQ, and ${reason}`)
  return { reason }
}

function isNewEnough(command: string): boolean {
  try {
    execFileSync(command, ['-c', 'import sys, venv; sys.exit(sys.version_info < (3, 11))'], {
      stdio: 'ignore',
    })
    return true
  } catch {
    return false
  }
}

/** Tests against a release of TaskIQ; left out, and saying why, where it cannot be had. */
export function describeTaskiq(
  name: string,
  environment: PythonEnvironment,
  tests: (python: string) => void,
): void {
  const { python = '', reason } = environment
  const why = reason === undefined ? '' : ` (${reason})`
  describe.skipIf(python === '')(`${name}${why}`, () => tests(python))
}
