import { existsSync, readdirSync, statSync } from 'node:fs'
import { basename, dirname, extname, join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { isBroker } from '../broker/broker-identity.ts'
import { ModuleLoadError } from '../core/errors.ts'
import { explainLoadError, showPath } from './load-failure.ts'
import { nearestNames } from './nearest-names.ts'

/** What a module exports, by name. */
export type ModuleExports = Readonly<Record<string, unknown>>

const native: ReadonlySet<string> = new Set(['.js', '.mjs', '.cjs'])
const typed: ReadonlySet<string> = new Set(['.ts', '.mts', '.cts', '.tsx'])

/** File name endings of modules that can be loaded. */
export const moduleEndings: readonly string[] = [...native, ...typed]

/**
 * Loads a module of the user: JavaScript by Node itself, TypeScript without a build on every Node
 * that we support. Packages that either imports are the process's own: `import … from 'taskwright'` in a
 * user's file is the very module that loads it. A file loaded twice is the same module.
 *
 * @param file relative to the working directory, absolute, or a `file:` URL.
 * @throws ModuleLoadError that names file, line and the mend.
 */
export async function loadModule(file: string): Promise<ModuleExports> {
  const path = file.startsWith('file:') ? fileURLToPath(file) : resolve(file)
  checkFile(path, file)
  try {
    return typed.has(extname(path))
      ? await loadTypeScript(path)
      : ((await import(pathToFileURL(path).href)) as ModuleExports)
  } catch (error) {
    throw await explainLoadError(error, path)
  }
}

/** A module and the name of one of its exports; `name` is absent when the text names none. */
export interface ExportTarget {
  readonly file: string
  readonly name: string | undefined
}

/** Reads `path/file.ts:export`. The drive letter of a Windows path is not an export. */
export function readTarget(target: string): ExportTarget {
  const [, file = target, name] = /^(.{2,}?):([A-Za-z_$][\w$]*)$/s.exec(target) ?? []
  return { file, name }
}

/**
 * Loads one export: `path/file.ts:export`. Without `:export`, the one broker that the module exports.
 *
 * @throws ModuleLoadError that lists what the module exports when it has no such export.
 */
export async function loadExport(target: string): Promise<unknown> {
  const { file, name } = readTarget(target)
  const found = await loadModule(file)
  if (name === undefined) return found[theOnlyBroker(file, found)]
  if (Object.hasOwn(found, name)) return found[name]
  const near = nearestNames(name, Object.keys(found))
  const hint = near[0] === undefined ? '' : ` Did you mean ${file}:${near[0]}?`
  throw new ModuleLoadError(
    `${showPath(file)} does not export '${name}'.${hint} ${describeExports(found)}`,
  )
}

/** What a module exports, for error messages: brokers first. */
export function describeExports(found: ModuleExports): string {
  const brokers = brokersIn(found)
  const others = Object.keys(found).filter((name) => !brokers.includes(name))
  const parts = [
    brokers.length === 0
      ? 'It exports no broker'
      : `Its ${brokers.length === 1 ? 'broker is' : 'brokers are'} ${brokers.join(', ')}`,
    others.length === 0 ? 'and nothing else' : `and it exports ${others.slice(0, 20).join(', ')}`,
  ]
  return `${parts.join(brokers.length === 0 ? ' ' : '; ')}.`
}

function theOnlyBroker(file: string, found: ModuleExports): string {
  const brokers = brokersIn(found)
  // A broker that is exported under two names (`export const broker`, `export default broker`) is one.
  const different = new Set(brokers.map((name) => found[name]))
  const [only] = brokers
  if (only !== undefined && different.size === 1) return only
  const example = brokers.find((name) => name !== 'default') ?? 'broker'
  const mend =
    only === undefined
      ? `Export one: export const broker = createBroker('sqlite:./tasks.db').`
      : `Say which one: ${file}:${example}.`
  throw new ModuleLoadError(`${showPath(file)}: ${describeExports(found)} ${mend}`)
}

function brokersIn(found: ModuleExports): string[] {
  return Object.keys(found).filter((name) => isBroker(found[name]))
}

/** @throws ModuleLoadError when there is no such file, or it is nothing that can be loaded. */
function checkFile(path: string, given: string): void {
  const stats = statSync(path, { throwIfNoEntry: false })
  if (stats?.isFile() === true) {
    if (moduleEndings.includes(extname(path))) return
    throw new ModuleLoadError(
      `${showPath(path)} is not a module: its name must end in ${moduleEndings.join(', ')}.`,
    )
  }
  if (stats !== undefined) {
    throw new ModuleLoadError(
      `${showPath(path)} is a folder: name a file in it${oneOf(modulesIn(path), path)}.`,
    )
  }
  const folder = dirname(path)
  if (!existsSync(folder)) {
    throw new ModuleLoadError(
      `there is no file ${given}: the folder ${showPath(folder)} does not exist. Paths are relative to ${process.cwd()}.`,
    )
  }
  const stem = (name: string): string => basename(name, extname(name))
  const modules = modulesIn(folder)
  const sameStem = modules.filter((name) => stem(name) === stem(path))
  const near = sameStem.length > 0 ? sameStem : nearestNames(basename(path), modules)
  const meant = near.map((name) => showPath(join(folder, name))).join(' or ')
  const hint = meant === '' ? `Paths are relative to ${process.cwd()}.` : `Did you mean ${meant}?`
  throw new ModuleLoadError(`there is no file ${given}. ${hint}`)
}

function oneOf(names: readonly string[], folder: string): string {
  return names.length === 0 ? '' : `, such as ${showPath(join(folder, names[0] ?? ''))}`
}

function modulesIn(folder: string): string[] {
  return readdirSync(folder).filter((name) => moduleEndings.includes(extname(name)))
}

type Jiti = { import(file: string): Promise<unknown> }
let jiti: Promise<Jiti> | undefined

/** One loader for the process, so that modules that import each other are loaded once. */
async function loadTypeScript(path: string): Promise<ModuleExports> {
  jiti ??= import('jiti').then(({ createJiti }) => {
    // Compiled files are kept in the project only: a shared temporary folder is open to others.
    const modules = join(process.cwd(), 'node_modules')
    const fsCache = existsSync(modules) ? join(modules, '.cache', 'taskwright-jiti') : false
    return createJiti(import.meta.url, { interopDefault: false, fsCache })
  })
  const found = await (await jiti).import(path)
  // CommonJS may export anything at all, a function say.
  return typeof found === 'object' && found !== null ? (found as ModuleExports) : { default: found }
}
