import { DependencyError } from '../core/errors.ts'
import type { ProviderDefinition } from './definition.ts'
import type { Failure } from './tear-down.ts'

/** A value with what is to be done at its end. */
export interface MadeValue {
  readonly value: unknown
  /** Absent where there is nothing to tear down. */
  readonly tearDown?: ((failure: Failure | undefined) => Promise<void>) | undefined
}

type Values = Readonly<Record<string, unknown>>
type AnyGenerator = Generator | AsyncGenerator

/**
 * Makes a value by its provider; without a promise where the provider needs none. Each call makes
 * another value. Throws or rejects with whatever the provider throws, and with a `DependencyError`
 * for a generator that ends without a yield.
 */
export function makeValue(
  provider: ProviderDefinition,
  values: Values,
): MadeValue | Promise<MadeValue> {
  const given = provider.provide(values)
  if (isGenerator(given)) {
    return Symbol.asyncIterator in given ? started(given) : yielded(given, given.next())
  }
  return isThenable(given) ? settled(given, values) : owned(given, values)
}

async function started(generator: AsyncGenerator): Promise<MadeValue> {
  return yielded(generator, await generator.next())
}

async function settled(given: PromiseLike<unknown>, values: Values): Promise<MadeValue> {
  return owned(await given, values)
}

function yielded(generator: AnyGenerator, step: IteratorResult<unknown, unknown>): MadeValue {
  if (step.done === true) {
    throw new DependencyError('its generator ended without a yield. Yield the value once.')
  }
  return { value: step.value, tearDown: (failure) => resume(generator, failure) }
}

async function resume(generator: AnyGenerator, failure: Failure | undefined): Promise<void> {
  const step = await (failure === undefined ? generator.next() : generator.throw(failure.error))
  if (step.done === true) return
  // Runs the rest of its `finally` blocks, so that it does not keep what it holds.
  await generator.return(undefined)
  throw new DependencyError('its generator yielded a second time. Yield the value once.')
}

function owned(value: unknown, values: Values): MadeValue {
  // A provider that hands on what it was given does not own it: disposing it here would close,
  // say, the pool of the process at the end of the first task.
  if (!isObject(value) || Object.values(values).includes(value)) return { value }
  const dispose = disposerOf(value)
  if (dispose === undefined) return { value }
  return { value, tearDown: async () => void (await dispose.call(value)) }
}

function disposerOf(value: object): (() => unknown) | undefined {
  for (const symbol of [Symbol.asyncDispose, Symbol.dispose]) {
    const method: unknown = Reflect.get(value, symbol)
    if (isFunction(method)) return method
  }
  return undefined
}

// By shape, like the type `Provided`: compilers for older targets make generators that are not
// instances of the engine's own.
function isGenerator(value: unknown): value is AnyGenerator {
  return (
    isObject(value) &&
    (Symbol.asyncIterator in value || Symbol.iterator in value) &&
    ['next', 'throw', 'return'].every((name) => isFunction(Reflect.get(value, name)))
  )
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return isObject(value) && isFunction(Reflect.get(value, 'then'))
}

function isObject(value: unknown): value is object {
  return (typeof value === 'object' && value !== null) || typeof value === 'function'
}

function isFunction(value: unknown): value is () => unknown {
  return typeof value === 'function'
}
