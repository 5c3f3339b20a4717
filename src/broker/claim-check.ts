/**
 * Large arguments do not travel: they are kept in the result backend, as the bytes of the message that they would
 * have made, and the message that travels is short and says where. Stores of messages stay small and quick, and
 * the arguments are read once, by the worker that runs the task.
 */
import type { Clock } from '../core/clock.ts'
import type { Codec } from '../core/codec.ts'
import { milliseconds, type Duration } from '../core/duration.ts'
import { InvalidInputError } from '../core/errors.ts'
import type { IdSource } from '../core/ids.ts'
import type { Labels } from '../core/labels.ts'
import { bodySize, type Body, type Message } from '../core/message.ts'
import type { ResultBackend } from '../core/result-backend.ts'
import type { StoredResult } from '../core/result.ts'
import type { TaskStatus } from '../core/states.ts'
import type { Surroundings } from '../core/vendor.ts'

/** The labels that say where the arguments of a message are kept, and how many bytes they are. */
export const apartLabels = { id: 'tw_args', bytes: 'tw_args_bytes' } as const

/** When the arguments of a message are kept apart from it, and for how long. */
export interface ClaimCheckOptions {
  /** Bytes: a message of more than this leaves its arguments in the result backend and carries where they are. */
  above: number
  /**
   * How long they are kept from when the message may first run. It must be longer than a message may wait, be
   * retried and lie in the dead letters: one that comes later is set aside as `expired`. Default `'7d'`.
   */
  keepFor?: Duration | undefined
}

/** {@link ClaimCheckOptions}, read. */
export interface ClaimCheckPolicy {
  readonly above: number
  /** Milliseconds. */
  readonly keepFor: number
}

/** A message as bytes, and what of it is kept apart. */
export interface Written {
  readonly body: Body
  readonly apart?: StoredResult | undefined
}

/** Reads the option. @throws InvalidInputError */
export function readClaimCheck(
  options: ClaimCheckOptions | false | undefined,
): ClaimCheckPolicy | false | undefined {
  if (options === undefined || options === false) return options
  const { above, keepFor = '7d' } = options
  if (!(Number.isSafeInteger(above) && above >= 0))
    throw new InvalidInputError('`above` is a whole number of bytes.')
  const ms = milliseconds(keepFor)
  if (!(ms > 0)) throw new InvalidInputError('`keepFor` must be more than 0.')
  return { above, keepFor: ms }
}

/** What {@link ClaimCheck} works with. */
export interface ClaimCheckParts {
  readonly codec: Codec
  readonly results: ResultBackend
  readonly ids: IdSource
  readonly clock: Clock
  /** Of a task by its name; `undefined` where its arguments travel, whatever their size. */
  readonly policyOf: (task: string) => ClaimCheckPolicy | undefined
}

/** The most bytes of one call to the backend, but for a single one of more. */
const mostPerCall = 4_000_000

/** See the top of the file. */
export class ClaimCheck {
  readonly #parts: ClaimCheckParts

  constructor(parts: ClaimCheckParts) {
    this.#parts = parts
  }

  /**
   * Writes a message down. What is kept apart gets an id of its own each time: a message of the same id that was
   * sent before, or is sent after, has other arguments.
   * @throws DataNotPlainError, PayloadTooLargeError
   */
  write(
    message: Message,
    {
      delay = 0,
      at,
    }: { readonly delay?: number | undefined; readonly at?: number | undefined } = {},
  ): Written {
    const { codec, ids, clock, policyOf } = this.#parts
    const body = codec.encodeMessage(message)
    const policy = policyOf(message.task)
    if (policy === undefined || !isLarger(body, policy.above)) return { body }
    const id = `${message.id}:args:${ids()}`
    const labels = { ...message.labels, [apartLabels.id]: id, [apartLabels.bytes]: bodySize(body) }
    const wait = at === undefined ? delay : Math.max(0, at - clock.now())
    return {
      body: codec.encodeMessage({ ...message, args: [], kwargs: {}, labels }),
      apart: { id, body, expiresIn: wait + policy.keepFor },
    }
  }

  /** Keeps what was written apart. It must be there before its message is. */
  async keep(apart: readonly StoredResult[]): Promise<void> {
    let [page, bytes]: [StoredResult[], number] = [[], 0]
    for (const one of apart) {
      if (page.length > 0 && bytes + one.body.length > mostPerCall) {
        await this.#parts.results.save(page)
        ;[page, bytes] = [[], 0]
      }
      page.push(one)
      bytes += one.body.length
    }
    if (page.length > 0) await this.#parts.results.save(page)
  }

  /** Deletes what was kept for messages that are not stored after all. What cannot be deleted ends by time. */
  async drop(apart: readonly StoredResult[]): Promise<void> {
    await this.#parts.results.delete(apart.map(({ id }) => id)).catch(() => {})
  }
}

/** Where the arguments of a message are kept; `undefined` where it carries them. */
export function apartId(labels: Labels): string | undefined {
  const id = labels[apartLabels.id]
  return typeof id === 'string' ? id : undefined
}

/** The arguments of a message. */
export type Arguments = Pick<Message, 'args' | 'kwargs'>

/** The arguments in what was kept. @throws MalformedMessageError */
export function readApart(codec: Codec, body: Body): Arguments {
  const { args, kwargs } = codec.decodeMessage(body)
  return { args, kwargs }
}

/** The labels of a message that carries its arguments again. */
export function withoutApart(labels: Labels): Labels {
  const { [apartLabels.id]: _, [apartLabels.bytes]: __, ...rest } = labels
  return rest
}

/**
 * Deletes what was kept apart for messages that have ended for good. A dead letter may be run again, and so may a step
 * of a workflow, also one that has succeeded (beside a step that is resumed): what is kept for them ends by time.
 */
export async function forgetApart(
  {
    results,
    surroundings,
  }: { readonly results: ResultBackend; readonly surroundings: Surroundings },
  ended: readonly { readonly labels: Labels; readonly status: TaskStatus }[],
): Promise<void> {
  const over = ended.flatMap(({ labels, status }) => {
    const isOver = status === 'succeeded' || status === 'cancelled'
    const id = isOver && labels['tw_run'] === undefined ? apartId(labels) : undefined
    // Only what is named as ours: a label may say anything.
    return id?.includes(':args:') === true ? [id] : []
  })
  if (over.length === 0) return
  try {
    await results.delete(over)
  } catch (error) {
    surroundings.logger.debug('arguments that were kept apart are left to their time', { error })
  }
}

/** Cheap where it is far from the limit, as it mostly is. */
function isLarger(body: Body, above: number): boolean {
  if (typeof body !== 'string') return body.byteLength > above
  return body.length > above || (body.length * 3 > above && bodySize(body) > above)
}
