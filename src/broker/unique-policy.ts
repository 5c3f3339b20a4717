import { milliseconds, type Duration } from '../core/duration.ts'
import { ConflictError, InvalidInputError } from '../core/errors.ts'
import type { SendStatus } from '../core/transport.ts'
import type { Unique } from '../core/unique.ts'
import type { RegisteredTask } from './registry.ts'
import { shortKey } from './short-key.ts'
import type {
  DebounceOptions,
  ThrottleOptions,
  UniqueOptions,
  UniquePolicy,
} from './unique-options.ts'

/** The options of a task that say what is the same. */
export interface SameOptions {
  readonly unique?: UniqueOptions | undefined
  readonly debounce?: DebounceOptions | undefined
  readonly throttle?: ThrottleOptions | undefined
}

const whiles = ['queued', 'queued-or-running', 'window'] as const
const conflicts = ['return-existing', 'drop', 'replace', 'error'] as const

/** Reads them; `undefined` where none is given. @throws InvalidInputError for what cannot be. */
export function readUnique(options: SameOptions): UniquePolicy | undefined {
  const given = [options.unique, options.debounce, options.throttle].filter(
    (one) => one !== undefined,
  )
  if (given.length === 0) return undefined
  if (given.length > 1)
    throw new InvalidInputError('give one of `unique`, `debounce` and `throttle`.')
  const [{ key } = {}] = given
  if (key !== undefined && typeof key !== 'function')
    throw new InvalidInputError('`key` is a function of the arguments that returns a text.')
  const policy = readOne(options)
  return { delay: undefined, within: undefined, window: undefined, ...policy, key }
}

function readOne({
  unique,
  debounce,
  throttle,
}: SameOptions): Pick<UniquePolicy, 'while' | 'onConflict'> & Partial<UniquePolicy> {
  if (debounce !== undefined) {
    const delay = positive(debounce.wait, 'debounce.wait')
    const within =
      debounce.most === undefined ? undefined : positive(debounce.most, 'debounce.most')
    return { while: 'queued', onConflict: 'replace', delay, within }
  }
  if (throttle !== undefined) {
    const window = positive(throttle.every, 'throttle.every')
    return { while: 'window', onConflict: 'drop', window }
  }
  const {
    onConflict = 'return-existing',
    window,
    while: during = 'queued-or-running',
  } = unique ?? {}
  if (!whiles.includes(during)) throw new InvalidInputError(`\`while\` is ${whiles.join(', ')}.`)
  if (!conflicts.includes(onConflict))
    throw new InvalidInputError(`\`onConflict\` is ${conflicts.join(', ')}.`)
  if ((during === 'window') !== (window !== undefined))
    throw new InvalidInputError("`window` goes with while: 'window', and that needs one.")
  return {
    while: during,
    onConflict,
    window: window === undefined ? undefined : positive(window, 'window'),
  }
}

function positive(value: Duration, what: string): number {
  const ms = milliseconds(value)
  if (ms > 0) return ms
  throw new InvalidInputError(`\`${what}\` is more than 0.`)
}

/** What the store is told of a call. @throws InvalidInputError for a key that is no text. */
export function uniqueOf(
  task: RegisteredTask,
  policy: UniquePolicy,
  args: readonly unknown[],
): Unique {
  const { while: during, window, onConflict, within } = policy
  return {
    key: storedKey(task, policy, args),
    while: during,
    window,
    onConflict: onConflict === 'replace' ? 'replace' : 'keep',
    within,
  }
}

/** The key by which the store knows these arguments of a task. */
export function storedKey(
  task: RegisteredTask,
  { key: keyOf }: UniquePolicy,
  args: readonly unknown[],
): string {
  const key: unknown = keyOf === undefined ? json(args) : keyOf(...(args as never[]))
  if (typeof key !== 'string' || key === '') {
    throw new InvalidInputError(
      `the key of task '${task.name}' must be a text that is not empty, not ${String(key)}.`,
    )
  }
  return shortKey(`${task.name}|${key}`)
}

/** Objects with the same members are the same, whatever the order of these. */
function json(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) => {
    if (typeof inner === 'bigint') return `${inner}n`
    if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) return inner
    return Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
  })
}

/** What a send came to, for its handle. */
export interface Sent {
  readonly id: string
  readonly isDuplicate: boolean
  readonly conflict: SendConflict | undefined
}

/** Another message of the same key, and what became of which. */
export interface SendConflict {
  /**
   * `existing`: this is the handle of the other. `dropped`: nothing was sent. `replaced`: the other was cancelled.
   * `full`: a limit that drops the newest was full: this message is cancelled.
   */
  readonly kind: 'existing' | 'dropped' | 'replaced' | 'full'
  /** The id of the other message; with `full` its own. */
  readonly id: string
}

/** A send that came to a new message. */
export function sentNew(id: string): Sent {
  return { id, isDuplicate: false, conflict: undefined }
}

/** Reads the store's answer. @throws ConflictError where the task says so. */
export function sentAs(task: RegisteredTask, id: string, status: SendStatus): Sent {
  if (typeof status === 'string')
    return { id, isDuplicate: status === 'known', conflict: undefined }
  if ('replaced' in status)
    return { id, isDuplicate: false, conflict: { kind: 'replaced', id: status.replaced } }
  if ('dropped' in status) return { id, isDuplicate: false, conflict: { kind: 'full', id } }
  const other = status.kept
  if (task.unique?.onConflict === 'error') throw new ConflictError(task.name, other)
  if (task.unique?.onConflict === 'drop')
    return { id, isDuplicate: true, conflict: { kind: 'dropped', id: other } }
  return { id: other, isDuplicate: true, conflict: { kind: 'existing', id: other } }
}
