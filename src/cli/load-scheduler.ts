import { isBroker } from '../broker/broker-identity.ts'
import type { Broker } from '../broker/broker.ts'
import { ModuleLoadError } from '../core/errors.ts'
import { createScheduler } from '../scheduler/create-scheduler.ts'
import { schedulerKey, type Scheduler } from '../scheduler/scheduler.ts'
import { showPath } from '../worker/load-failure.ts'
import { loadExport, loadModule, readTarget } from '../worker/load-module.ts'

/** A scheduler and the broker that it sends through. */
export interface LoadedScheduler {
  readonly scheduler: Scheduler
  readonly broker: Broker
}

/**
 * The scheduler of a `FILE:EXPORT`, after the further modules have been loaded: they define its tasks. A broker
 * stands for a scheduler of its tasks' `schedule` options and of the plans in its store.
 *
 * @throws ModuleLoadError
 */
export async function loadScheduler(
  target: string,
  modules: readonly string[] = [],
): Promise<LoadedScheduler> {
  const { file, name = '' } = readTarget(target)
  const value = name === '' ? await theOnly(file, target) : await loadExport(target)
  for (const each of modules) await loadModule(each)
  if (isScheduler(value)) return { scheduler: value, broker: value[schedulerKey] as Broker }
  if (isBroker(value)) {
    const broker = value as Broker
    return { scheduler: createScheduler({ broker }), broker }
  }
  throw new ModuleLoadError(
    `${showPath(file)}: '${name}' is neither a scheduler nor a broker. Make one with createScheduler({ broker }) and name it: ${file}:scheduler.`,
  )
}

/** The one scheduler that a module exports, or else its one broker. */
async function theOnly(file: string, target: string): Promise<unknown> {
  const found = new Set(Object.values(await loadModule(file)).filter(isScheduler))
  const [only] = found
  if (found.size === 1) return only
  return loadExport(target)
}

function isScheduler(value: unknown): value is Scheduler {
  return typeof value === 'object' && value !== null && schedulerKey in value
}
