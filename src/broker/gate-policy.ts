import { InvalidInputError } from '../core/errors.ts'
import type { Gate } from '../core/gate.ts'
import type { RegisteredTask } from './registry.ts'
import type {
  ConcurrencyOptions,
  FairOptions,
  GatePolicy,
  OrderedOptions,
  WhenLimited,
} from './gate-options.ts'
import { shortKey } from './short-key.ts'
import type { UniqueOptions } from './unique-options.ts'

/** The options of a task that say how many may run at once. */
export interface LimitOptions {
  readonly concurrency?: number | ConcurrencyOptions | readonly ConcurrencyOptions[] | undefined
  readonly ordered?: OrderedOptions | undefined
  readonly fair?: FairOptions | undefined
  readonly unique?: Pick<UniqueOptions, 'onConflict'> | undefined
}

const defaultShare = 10
const fullOf = { wait: undefined, 'drop-newest': 'drop', 'cancel-running': 'cancel' } as const

/**
 * Reads them, in the order in which the gates are passed: limits that drop or cancel first, since what they do
 * is done at the call; then order, then what is of a key, then what is of the whole task, so that nobody
 * holds a place of all while he waits for one of his own.
 * @throws InvalidInputError
 */
export function readGates(options: LimitOptions): readonly GatePolicy[] | undefined {
  const { ordered, fair, concurrency } = options
  const limits = limitsOf(concurrency).map((one, i): GatePolicy => {
    const limit = whole(one.limit, 'concurrency.limit')
    const name = i === 0 ? 'limit' : `limit${i + 1}`
    return { name, key: checkKey(one.key), limit, keep: false, full: readFull(one.onFull) }
  })
  limits.sort((a, b) => Number(a.key === undefined) - Number(b.key === undefined))
  const gates = limits.filter(({ full }) => full !== undefined)
  if (options.unique?.onConflict === 'replace' && gates.some(({ full }) => full === 'drop')) {
    throw new InvalidInputError(
      "`unique` with onConflict 'replace' does not go with onFull 'drop-newest': the one that is replaced still has its place when the new one comes. Use 'cancel-running'.",
    )
  }
  if (ordered !== undefined) {
    if (ordered.key === undefined) throw new InvalidInputError('`ordered` has a `key`.')
    gates.push({
      name: 'ordered',
      key: checkKey(ordered.key),
      limit: 1,
      keep: true,
      full: undefined,
    })
  }
  if (fair !== undefined) {
    if (fair.key === undefined) throw new InvalidInputError('`fair` has a `key`.')
    const limit = whole(fair.share ?? defaultShare, 'fair.share')
    gates.push({ name: 'fair', key: checkKey(fair.key), limit, keep: false, full: undefined })
  }
  gates.push(...limits.filter(({ full }) => full === undefined))
  return gates.length === 0 ? undefined : gates
}

function readFull(onFull: WhenLimited = 'wait'): GatePolicy['full'] {
  if (Object.hasOwn(fullOf, onFull)) return fullOf[onFull]
  throw new InvalidInputError(`\`onFull\` is one of ${Object.keys(fullOf).join(', ')}.`)
}

function limitsOf(concurrency: LimitOptions['concurrency']): readonly ConcurrencyOptions[] {
  if (concurrency === undefined) return []
  if (typeof concurrency === 'number') return [{ limit: concurrency }]
  return isList(concurrency) ? concurrency : [concurrency]
}

function isList(
  concurrency: ConcurrencyOptions | readonly ConcurrencyOptions[],
): concurrency is readonly ConcurrencyOptions[] {
  return Array.isArray(concurrency)
}

function checkKey(key: GatePolicy['key']): GatePolicy['key'] {
  if (key === undefined || typeof key === 'function') return key
  throw new InvalidInputError('`key` is a function of the arguments that returns a text.')
}

function whole(value: unknown, what: string): number {
  if (Number.isSafeInteger(value) && Number(value) >= 1) return Number(value)
  throw new InvalidInputError(`\`${what}\` is a whole number of 1 or more, not ${String(value)}.`)
}

/** Gates of tasks whose limits have no keys: the same for every call. */
const keyless = new WeakMap<readonly GatePolicy[], readonly Gate[]>()

/** What the store is told of a call. @throws InvalidInputError for a key that is no text. */
export function gatesOf(
  task: RegisteredTask,
  policies: readonly GatePolicy[],
  args: readonly unknown[],
): readonly Gate[] {
  const same = keyless.get(policies)
  if (same !== undefined) return same
  const gates = makeGates(task, policies, args)
  if (policies.every(({ key }) => key === undefined)) keyless.set(policies, gates)
  return gates
}

function makeGates(
  task: RegisteredTask,
  policies: readonly GatePolicy[],
  args: readonly unknown[],
): readonly Gate[] {
  return policies.map(({ name, key, limit, keep, full }) => ({
    key: gateKey(task, { name, key: key?.(...(args as never[])) }),
    limit,
    keep,
    full,
  }))
}

/** The name of a gate in the store. @throws InvalidInputError */
export function gateKey(
  task: Pick<RegisteredTask, 'name'>,
  { name, key }: { readonly name: string; readonly key: unknown },
): string {
  if (key === undefined) return shortKey(`${task.name}|${name}`)
  if (typeof key === 'string') return shortKey(`${task.name}|${name}|${key}`)
  throw new InvalidInputError(`a key of task '${task.name}' must be a text, not a ${typeof key}.`)
}
