import type { Message } from '../../core/message.ts'
import { registrationKey } from '../../broker/define-task.ts'
import type { RegisteredTask } from '../../broker/registry.ts'
import type { Sendable } from '../../broker/task.ts'
import { InvalidInputError } from '../../core/errors.ts'

/** A task of whatever types. */
export type AnySendable = Sendable<readonly unknown[], unknown>

/** The arguments of a call as its caller gave them, from the message that it became. */
export function callArguments(
  { args, kwargs }: Message,
  task: RegisteredTask | undefined,
): readonly unknown[] {
  if (task?.input !== undefined && args.length === 0) return [kwargs]
  const names = Object.keys(kwargs)
  if (names.length === 0) return args
  if (task?.params === undefined) return [...args, kwargs]
  const named = task.params.slice(args.length)
  const last = named.findLastIndex((name) => Object.hasOwn(kwargs, name))
  return [...args, ...named.slice(0, last + 1).map((name) => kwargs[name])]
}

/** What a task was defined as. @throws InvalidInputError when it is not a task of ours. */
export function registrationOf(task: { readonly name: string }): RegisteredTask {
  const known: unknown = Reflect.get(task, registrationKey)
  if (isRegistration(known)) return known
  throw new InvalidInputError(
    'this is not a task: give what broker.task(…) or broker.remoteTask(…) returned.',
  )
}

function isRegistration(value: unknown): value is RegisteredTask {
  return typeof value === 'object' && value !== null && 'name' in value
}
