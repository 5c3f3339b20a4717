import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { isBroker } from '../broker/broker-identity.ts'
import type { Broker } from '../broker/broker.ts'
import { createBroker } from '../broker/create-broker.ts'
import { ModuleLoadError } from '../core/errors.ts'
import { showPath } from '../worker/load-failure.ts'
import { describeExports, loadExport, loadModule, readTarget } from '../worker/load-module.ts'

/**
 * The broker of a `FILE:EXPORT`, after the further modules have been loaded: they define its tasks. The
 * export may also be a function that makes the broker.
 *
 * @throws ModuleLoadError
 */
export async function loadBroker(target: string, modules: readonly string[] = []): Promise<Broker> {
  const broker = await brokerOf(target)
  for (const file of modules) await loadModule(file)
  return broker
}

/**
 * A broker of a `FILE:EXPORT`, or of a URL such as `sqlite:./tasks.db`: then it knows no tasks, which is
 * enough to look into a store.
 *
 * @throws ModuleLoadError; DefinitionError for a URL that no engine knows.
 */
export async function openBroker(target: string): Promise<Broker> {
  if (!isUrl(target)) return loadBroker(target)
  checkStore(target)
  return createBroker(target)
}

/** `scheme:rest`. A file that is named without its ending (`broker:app`) is not one. */
export function isUrl(target: string): boolean {
  const [, scheme] = /^([a-z][a-z0-9+]+):/i.exec(target) ?? []
  return (
    scheme !== undefined &&
    !['', '.ts', '.js', '.mts', '.mjs'].some((end) => existsSync(scheme + end))
  )
}

/** Looking into a store must not make one: a mistyped path would be a new, empty file. */
function checkStore(url: string): void {
  const [, path] = /^sqlite:([^?]*)/i.exec(url) ?? []
  if (path === undefined || path === '') return
  const file = path.startsWith('//') ? fileURLToPath(`file:${path}`) : decodeURIComponent(path)
  if (existsSync(file)) return
  throw new ModuleLoadError(
    `there is no file ${file} (paths are relative to ${process.cwd()}). It is made when the first task is sent.`,
  )
}

async function brokerOf(target: string): Promise<Broker> {
  const value = await loadExport(target)
  const made = isFactory(value) ? await value() : value
  if (isBroker(made)) return made as Broker
  const { file, name = '' } = readTarget(target)
  const what = made === value ? 'is' : 'returned'
  throw new ModuleLoadError(
    `${showPath(file)}: '${name}' ${what} ${describe(made)}, not a broker. ${describeExports(await loadModule(file))} Make one with createBroker(…).`,
  )
}

/** A function without arguments that is not a task: calling a task would run it. */
function isFactory(value: unknown): value is () => unknown {
  return typeof value === 'function' && value.length === 0 && !('kiq' in value)
}

function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value)
  if (typeof value === 'function') return 'kiq' in value ? 'a task' : 'a function'
  return Array.isArray(value)
    ? 'a list'
    : `${typeof value === 'object' ? 'an' : 'a'} ${typeof value}`
}
