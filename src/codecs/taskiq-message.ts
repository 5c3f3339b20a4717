/**
 * Messages and progress as TaskIQ writes them (`TaskiqMessage` and `TaskProgress` of taskiq 0.12),
 * whatever the serializer: their members, checked before they are written and after they were read.
 */
import { DataNotPlainError } from '../core/errors.ts'
import { isId } from '../core/ids.ts'
import type { Message } from '../core/message.ts'
import type { Progress } from '../core/result.ts'
import { isPlainObject, type DataCheck } from './plain-data.ts'
import { restoreMembers, restoreTags } from './rich-values.ts'
import { decodeLabels } from './wire-labels.ts'
import { wireArray, wireObject, wrongMember } from './wire-members.ts'

const argsPlace = { path: 'args', within: 1 }
const kwargsPlace = { path: 'kwargs', within: 1 }
const metaPlace = { path: 'meta', within: 1 }
const longestTaskName = 256

/** Which members of a message need a writer of ours, because `JSON.stringify` writes them otherwise. */
export interface CheckedMessage {
  readonly args: boolean
  readonly kwargs: boolean
}

/** @throws DataNotPlainError, PayloadTooLargeError when a message cannot travel (its labels are not looked at). */
export function checkMessage(message: Message, check: DataCheck): CheckedMessage {
  const { id, task, args, kwargs } = message
  if (!isId(id)) throw new DataNotPlainError('id is not 1–128 letters, digits and _ . : -')
  if (typeof task !== 'string' || task === '' || task.length > longestTaskName) {
    throw new DataNotPlainError(`task is not a name of 1–${longestTaskName} characters.`)
  }
  if (!Array.isArray(args)) throw new DataNotPlainError('args is not an array.')
  if (!isPlainObject(kwargs)) throw new DataNotPlainError('kwargs is not a plain object.')
  // Both are checked, whatever the first one says.
  return { args: check(args, argsPlace), kwargs: check(kwargs, kwargsPlace) }
}

/**
 * The message in a value that was read. With `tags`, rich values are restored.
 *
 * @throws MalformedMessageError when it is none.
 */
export function readMessage(value: unknown, tags: boolean): Message {
  const record = wireObject(value, 'it')
  const id = record['task_id']
  if (!isId(id)) throw wrongMember('task_id', '1–128 letters, digits and _ . : -', id)
  const task = record['task_name']
  if (typeof task !== 'string' || task === '' || task.length > longestTaskName) {
    throw wrongMember('task_name', `a name of 1–${longestTaskName} characters`, task)
  }
  const labels = wireObject(record['labels'], 'labels')
  const types = record['labels_types'] ?? undefined
  const args = wireArray(record['args'], 'args')
  const kwargs = wireObject(record['kwargs'], 'kwargs')
  if (tags) {
    restoreTags(args, 'args')
    restoreMembers(kwargs, 'kwargs')
  }
  return {
    id,
    task,
    args,
    kwargs,
    labels: decodeLabels(
      labels,
      types === undefined ? undefined : wireObject(types, 'labels_types'),
    ),
  }
}

/** Whether the meta of a progress needs a writer of ours. @throws DataNotPlainError, PayloadTooLargeError */
export function checkProgress({ state, meta }: Progress, check: DataCheck): boolean {
  if (typeof state !== 'string') throw new DataNotPlainError('state is not a text.')
  return check(meta ?? null, metaPlace)
}

/** The progress in a value that was read. @throws MalformedMessageError when it is none. */
export function readProgress(value: unknown, tags: boolean): Progress {
  const record = wireObject(value, 'it')
  const state = record['state']
  if (typeof state !== 'string') throw wrongMember('state', 'a text', state)
  const meta = record['meta'] ?? null
  return { state, meta: tags ? restoreTags(meta, 'meta') : meta }
}
