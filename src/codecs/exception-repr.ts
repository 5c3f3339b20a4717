/**
 * Errors as TaskIQ writes them (`ExceptionRepr` of taskiq 0.12, `taskiq/serialization.py`).
 *
 * What Python has no place for (our name, code and stack, and the message where it is not the first
 * argument) travels in an extra member `tw`, which Python's model ignores. No class is ever looked
 * up by the names in it.
 */
import type { ErrorCode } from '../core/errors.ts'
import type { ErrorData } from '../core/error-data.ts'
import { writeJson } from './json-writer.ts'
import { restoreTags } from './rich-values.ts'
import { optionalText, wireArray, wireObject, wrongMember } from './wire-members.ts'

/** An error on the wire. */
export interface ExceptionRepr {
  readonly exc_type: string
  readonly exc_message: readonly unknown[]
  readonly exc_module: string | null
  readonly exc_cause: ExceptionRepr | null
  readonly exc_context: ExceptionRepr | null
  readonly exc_suppress_context: boolean
  readonly tw?: WireExtras
}

interface WireExtras {
  name?: string
  message?: string
  code?: string
  stack?: string
}

/** Longer chains are cut when they are written; `errorData` makes none. */
export const longestChain = 16

/**
 * Classes that Python knows under another name. The second takes no arguments: with any, Python
 * cannot rebuild it and shows a bare Exception.
 */
const pythonClasses: Partial<Record<ErrorCode, { module: string; type: string; args: boolean }>> = {
  TASK_TIMEOUT: { module: 'builtins', type: 'TimeoutError', args: true },
  TASK_REJECTED: { module: 'taskiq.exceptions', type: 'TaskRejectedError', args: false },
}

/**
 * An error for the wire. Never throws: arguments for which `travels` says no are described in words,
 * so that a failure is never lost because of what its error holds.
 */
export function encodeError(data: ErrorData, travels: (value: unknown) => boolean): ExceptionRepr {
  const encode = (error: ErrorData, depth: number): ExceptionRepr => {
    const python = error.module === undefined ? pythonClassOf(error.code) : undefined
    const given = (error.args ?? [error.message]).map((arg) =>
      travels(arg) ? arg : Object.prototype.toString.call(arg),
    )
    const args = python?.args === false ? [] : given
    const type = python?.type ?? error.name
    const tw: WireExtras = {}
    if (type !== error.name || python !== undefined) tw.name = error.name
    if (firstText(args) !== error.message) tw.message = error.message
    if (error.code !== undefined) tw.code = error.code
    if (error.stack !== undefined) tw.stack = error.stack
    const inner = (next: ErrorData | undefined): ExceptionRepr | null =>
      next === undefined || depth >= longestChain ? null : encode(next, depth + 1)
    return {
      exc_type: type,
      exc_message: args,
      exc_module: python?.module ?? error.module ?? null,
      exc_cause: inner(error.cause),
      exc_context: inner(error.context),
      // As `raise … from …` sets it.
      exc_suppress_context: error.suppressContext ?? error.cause !== undefined,
      ...(Object.keys(tw).length === 0 ? {} : { tw }),
    }
  }
  return encode(data, 1)
}

function pythonClassOf(
  code: string | undefined,
): { module: string; type: string; args: boolean } | undefined {
  return code === 'TASK_TIMEOUT' || code === 'TASK_REJECTED' ? pythonClasses[code] : undefined
}

/** The message of a list of arguments: the first one, as text. */
function firstText(args: readonly unknown[]): string {
  const first = args[0]
  if (first === undefined) return ''
  return typeof first === 'string' ? first : writeJson(first, false)
}

/**
 * An error from the wire. With `tags`, rich values among the arguments are restored.
 *
 * @throws MalformedMessageError when it is none.
 */
export function decodeError(wire: unknown, path: string, tags: boolean): ErrorData {
  const record = wireObject(wire, path)
  const type = record['exc_type']
  if (typeof type !== 'string' || type === '') {
    throw wrongMember(`${path}.exc_type`, 'the name of an error', type)
  }
  const args = wireArray(record['exc_message'], `${path}.exc_message`)
  if (tags) restoreTags(args, `${path}.exc_message`)
  const module = record['exc_module'] ?? undefined
  const suppress = record['exc_suppress_context'] ?? false
  if (typeof suppress !== 'boolean') {
    throw wrongMember(`${path}.exc_suppress_context`, 'a boolean', suppress)
  }
  const inner = (name: 'exc_cause' | 'exc_context'): ErrorData | undefined => {
    const next = record[name] ?? undefined
    return next === undefined ? undefined : decodeError(next, `${path}.${name}`, tags)
  }
  const tw = extrasOf(record['tw'], `${path}.tw`)
  const message = tw.message ?? firstText(args)
  const cause = inner('exc_cause')
  const context = inner('exc_context')
  return {
    name: tw.name ?? type,
    message,
    ...optional('stack', tw.stack),
    // Ours have no arguments; [] is what Python raises without any.
    ...(tw.name !== undefined || (args.length === 1 && args[0] === message) ? {} : { args }),
    ...optional(
      'module',
      tw.name === undefined ? optionalText(module, `${path}.exc_module`) : undefined,
    ),
    ...optional('cause', cause),
    ...optional('context', context),
    ...(suppress === (cause !== undefined) ? {} : { suppressContext: suppress }),
    ...optional('code', tw.code),
  }
}

function optional<const N extends string, V>(name: N, value: V | undefined): { [K in N]?: V } {
  return value === undefined ? {} : ({ [name]: value } as { [K in N]: V })
}

function extrasOf(value: unknown, path: string): WireExtras {
  if (value === undefined) return {}
  const record = wireObject(value, path)
  return {
    ...optional('name', optionalText(record['name'], `${path}.name`)),
    ...optional('message', optionalText(record['message'], `${path}.message`)),
    ...optional('code', optionalText(record['code'], `${path}.code`)),
    ...optional('stack', optionalText(record['stack'], `${path}.stack`)),
  }
}
