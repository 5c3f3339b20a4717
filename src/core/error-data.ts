/**
 * An error as data: what crosses from worker to caller. No class, module or function is ever looked
 * up by a name found in data.
 */
export interface ErrorData {
  readonly name: string
  readonly message: string
  readonly stack?: string | undefined
  /** Further values of the error (Python exceptions carry a list of arguments); the first is the message. */
  readonly args?: readonly unknown[] | undefined
  /** The dotted module of a Python exception; absent for ours. */
  readonly module?: string | undefined
  readonly cause?: ErrorData | undefined
  /** Python's implicit chain (`__context__`), kept apart from the cause. */
  readonly context?: ErrorData | undefined
  /** Python: whether the context is hidden when printed. */
  readonly suppressContext?: boolean | undefined
  /** Our stable code, where the error was one of ours. */
  readonly code?: string | undefined
}

const longestText = 16_384
const deepestChain = 16

/** The data of anything thrown. Never throws, cuts cycles, chains (16) and long texts (16 kB). */
export function errorData(thrown: unknown): ErrorData {
  return describe(thrown, 0, new Set())
}

function describe(thrown: unknown, depth: number, seen: Set<unknown>): ErrorData {
  if (!isError(thrown)) return { name: 'Error', message: cut(textOf(thrown)) }
  seen.add(thrown)
  const [name, stack, code] = [read(thrown, 'name'), read(thrown, 'stack'), read(thrown, 'code')]
  const message = read(thrown, 'message') ?? 'an error whose message cannot be read'
  const cause = read(thrown, 'cause')
  const goOn = cause !== undefined && cause !== null && depth < deepestChain && !seen.has(cause)
  return {
    name: typeof name === 'string' && name !== '' ? cut(name) : 'Error',
    message: cut(textOf(message)),
    ...(typeof stack === 'string' ? { stack: cut(stack) } : {}),
    ...(typeof code === 'string' ? { code: cut(code) } : {}),
    ...(goOn ? { cause: describe(cause, depth + 1, seen) } : {}),
  }
}

interface ErrorLike {
  readonly name?: unknown
  readonly message?: unknown
  readonly stack?: unknown
  readonly code?: unknown
  readonly cause?: unknown
}

function isError(value: unknown): value is ErrorLike {
  try {
    // Errors of another realm (a vm context, a test runner) are not `instanceof Error`.
    return value instanceof Error || Object.prototype.toString.call(value) === '[object Error]'
  } catch {
    return false
  }
}

// A getter or a proxy of the user's may throw: reading it must not lose the failure itself.
function read(error: ErrorLike, property: keyof ErrorLike): unknown {
  try {
    return error[property]
  } catch {
    return undefined
  }
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value
  for (const write of [JSON.stringify, String]) {
    try {
      const text: unknown = write(value)
      if (typeof text === 'string') return text
    } catch {
      // Cycles, bigints, proxies: the next way may do.
    }
  }
  return 'a value that cannot be read'
}

function cut(text: string): string {
  return text.length > longestText ? `${text.slice(0, longestText)}…` : text
}

/** The error of {@link ErrorData}: always a plain `Error`, with the remote name, message, stack and cause chain. */
export function rebuildError(data: ErrorData): Error {
  const inner = data.cause ?? (data.suppressContext === true ? undefined : data.context)
  const error = new Error(
    data.message,
    inner === undefined ? undefined : { cause: rebuildError(inner) },
  )
  // defineProperty: a name from data must not reach a setter.
  Object.defineProperty(error, 'name', { value: data.name, configurable: true, writable: true })
  const stack = data.stack ?? `${data.name}: ${data.message}\n    at a worker (no stack travelled)`
  Object.defineProperty(error, 'stack', { value: stack, configurable: true, writable: true })
  if (data.code !== undefined) {
    Object.defineProperty(error, 'code', { value: data.code, configurable: true, enumerable: true })
  }
  return error
}
