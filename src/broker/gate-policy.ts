import { InvalidInputError } from '../core/errors.ts'
import type { Gate } from '../core/gate.ts'
import type { RegisteredTask } from './registry.ts'
import type { ConcurrencyOptions, FairOptions, GatePolicy, OrderedOptions } from './gate-options.ts'
import { shortKey } from './short-key.ts'

/** The options of a task that say how many may run at once. */
export interface LimitOptions {
  readonly concurrency?: number | ConcurrencyOptions | readonly ConcurrencyOptions[] | undefined
  readonly ordered?: OrderedOptions | undefined
  readonly fair?: FairOptions | undefined
}

const defaultShare = 10

/**
 * Reads them, in the order in which the gates are passed: order first, then what is of a key, then what is
 * of the whole task, so that nobody holds a place of all while he waits for one of his own.
 * @throws InvalidInputError
 */
export function readGates(options: LimitOptions): readonly GatePolicy[] | undefined {
  const { ordered, fair, concurrency } = options
  const gates: GatePolicy[] = []
  if (ordered !== undefined) {
    if (ordered.key === undefined) throw new InvalidInputError('`ordered` has a `key`.')
    gates.push({ name: 'ordered', key: checkKey(ordered.key), limit: 1, keep: true })
  }
  if (fair !== undefined) {
    if (fair.key === undefined) throw new InvalidInputError('`fair` has a `key`.')
    const limit = whole(fair.share ?? defaultShare, 'fair.share')
    gates.push({ name: 'fair', key: checkKey(fair.key), limit, keep: false })
  }
  const rest = limitsOf(concurrency).map((one, i): GatePolicy => {
    const limit = whole(one.limit, 'concurrency.limit')
    const name = i === 0 ? 'limit' : `limit${i + 1}`
    return { name, key: checkKey(one.key), limit, keep: false }
  })
  rest.sort((a, b) => Number(a.key === undefined) - Number(b.key === undefined))
  gates.push(...rest)
  return gates.length === 0 ? undefined : gates
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

/** What the store is told of a call. @throws InvalidInputError for a key that is no text. */
export function gatesOf(
  task: RegisteredTask,
  policies: readonly GatePolicy[],
  args: readonly unknown[],
): readonly Gate[] {
  return policies.map(({ name, key, limit, keep }) => ({
    key: gateKey(task, { name, key: key?.(...(args as never[])) }),
    limit,
    keep,
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
