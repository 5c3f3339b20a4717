import { InvalidInputError } from '../core/errors.ts'
import type { Message } from '../core/message.ts'
import type { RegisteredTask } from './registry.ts'
import { parseBySchema, parseNow } from './schema-check.ts'

/** How the arguments of a call travel. */
export interface Travelling {
  readonly args: readonly unknown[]
  readonly kwargs: Readonly<Record<string, unknown>>
}

/**
 * Puts the arguments of a call into the two places of a message: the one object of a task with
 * `input` as kwargs (checked, but sent raw), named arguments of a remote task as kwargs, all others
 * by position. Answers at once, unless a schema has to be waited for.
 *
 * @throws InvalidInputError when the input does not fit its schema.
 */
export function toTravel(
  task: RegisteredTask,
  args: readonly unknown[],
): Travelling | Promise<Travelling> {
  if (task.input !== undefined) {
    const [input] = args
    if (args.length !== 1 || !isObject(input)) {
      throw new InvalidInputError(`task '${task.name}' takes one object as its input.`)
    }
    const checked = parseNow(task.input, input, `the input of task '${task.name}'`)
    const travelling = { args: [], kwargs: input }
    return checked instanceof Promise ? checked.then(() => travelling) : travelling
  }
  if (task.handler === undefined && task.params !== undefined) {
    if (args.length > task.params.length) {
      throw new InvalidInputError(
        `task '${task.name}' takes ${task.params.length} arguments (${task.params.join(', ')}), not ${args.length}.`,
      )
    }
    const named = task.params.map((name, i) => [name, args[i]] as const)
    return { args: [], kwargs: Object.fromEntries(named.slice(0, args.length)) }
  }
  return { args, kwargs: {} }
}

/** What a handler is called with after its dependencies. */
export interface HandlerArguments {
  readonly positional: readonly unknown[]
  /** The parsed input of a task with `input`. */
  readonly input: unknown
}

/**
 * The handler's arguments from a message. Nothing is guessed: keyword arguments of a positional task
 * bind by its `params`, or fail with an error that says so.
 *
 * @throws InvalidInputError
 */
export async function fromTravel(
  task: RegisteredTask,
  message: Message,
): Promise<HandlerArguments> {
  if (task.input !== undefined) {
    const input = await parseBySchema(
      task.input,
      rawInput(task, message),
      `the input of task '${task.name}'`,
    )
    return { positional: [input], input }
  }
  return { positional: bindByName(task, message), input: undefined }
}

function rawInput(task: RegisteredTask, { args, kwargs }: Message): unknown {
  if (args.length === 0) return kwargs
  if (args.length === 1 && Object.keys(kwargs).length === 0) return args[0]
  throw new InvalidInputError(
    `task '${task.name}' takes one object, but the message has ${args.length} positional arguments and ${Object.keys(kwargs).length} named ones.`,
  )
}

function bindByName(task: RegisteredTask, { args, kwargs }: Message): readonly unknown[] {
  const names = Object.keys(kwargs)
  if (names.length === 0) return args
  const { params } = task
  if (params === undefined) {
    throw new InvalidInputError(
      `task '${task.name}' takes its arguments by position, but the message names ${names.join(', ')}. Give the task \`params: ['…']\`, one name for each argument.`,
    )
  }
  const bound = [...args]
  for (const name of names) {
    const place = params.indexOf(name)
    if (place < 0) {
      throw new InvalidInputError(
        `task '${task.name}' has no argument '${name}' (it has ${params.join(', ')}).`,
      )
    }
    if (place < args.length) {
      throw new InvalidInputError(
        `the message gives argument '${name}' of task '${task.name}' twice.`,
      )
    }
    while (bound.length <= place) bound.push(undefined)
    bound[place] = kwargs[name]
  }
  return bound
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}
