/**
 * The names of all keys. docs/reference/redis-keys.md shows them with their types.
 *
 * A queue is a stream of its own name, as TaskIQ has it, so that Python finds it; everything else of the
 * queue lies beside it under `{queue}:tw:`, whose tag puts it into the same slot of a cluster. What
 * belongs to no single queue lies under `tw:` (with the prefix of the app, if it has one).
 *
 * With a `tag`, all keys of the app begin with `{tag}:`: one slot, so that on a cluster too every step
 * is one step.
 */
import { InvalidInputError } from '../core/errors.ts'

/** The keys of a queue that its scripts are told; they make the others from `side`. */
export interface QueueKeys {
  readonly queue: string
  /** Messages of the default priority: the stream that TaskIQ reads, where it reads streams. */
  readonly stream: string
  /** The name that TaskIQ knows: the same, or its list or channel. */
  readonly shared: string
  /** What the names of its other keys begin with. */
  readonly side: string
}

/** How names are made. */
export interface KeyOptions {
  readonly prefix?: string | undefined
  readonly tag?: string | undefined
  /** What the keys of results begin with. */
  readonly resultPrefix?: string | undefined
  /** What TaskIQ has on the name of a queue. Default: a stream. */
  readonly taskiq?: TaskiqBroker | undefined
}

/** TaskIQ's brokers on Redis, by what a queue is to them. */
export type TaskiqBroker = 'stream' | 'list' | 'pubsub'

/** See the top of the file. */
export class Keys {
  /** What keys that belong to no queue begin with. */
  readonly app: string
  readonly #prefix: string
  readonly #resultPrefix: string
  readonly #streams: boolean
  readonly #queues = new Map<string, QueueKeys>()

  /** @throws InvalidInputError for names that would change the slot. */
  constructor({ prefix = '', tag, resultPrefix, taskiq = 'stream' }: KeyOptions) {
    for (const [name, value] of Object.entries({ prefix, tag: tag ?? '' })) {
      if (/[{}]/.test(value))
        throw new InvalidInputError(`redisTransport: \`${name}\` has no braces: they mean a slot.`)
    }
    const slot = tag === undefined ? '' : `{${tag}}:`
    this.#prefix = `${slot}${prefix}`
    this.app = `${this.#prefix}tw:`
    this.#streams = taskiq === 'stream'
    this.#resultPrefix =
      resultPrefix === undefined || resultPrefix === '' ? slot : `${slot}${resultPrefix}:`
  }

  /** @throws InvalidInputError for a name whose braces would put its keys into different slots. */
  queue(queue: string): QueueKeys {
    let keys = this.#queues.get(queue)
    if (keys === undefined) {
      const shared = `${this.#prefix}${queue}`
      const side = `${tagged(shared, queue)}:tw:`
      // A list or a channel is not ours to keep messages in: they have a stream beside it.
      keys = { queue, stream: this.#streams ? shared : `${side}s`, shared, side }
      this.#queues.set(queue, keys)
    }
    return keys
  }

  result(id: string): string {
    return `${this.#resultPrefix}${id}`
  }

  /** As TaskIQ names it. */
  progress(id: string): string {
    return `${this.result(id)}__progress`
  }
}

/** The name with all of it, or what it has in braces, as its tag. */
function tagged(stream: string, queue: string): string {
  const open = stream.indexOf('{')
  const close = stream.indexOf('}', open + 1)
  if (!/[{}]/.test(stream)) return `{${stream}}`
  const rest = stream.slice(0, open) + stream.slice(close + 1)
  if (open >= 0 && close > open + 1 && !/[{}]/.test(rest)) return stream
  throw new InvalidInputError(
    `'${queue}' cannot be a queue on Redis: braces are one {tag} or none, since they say where a cluster keeps it.`,
  )
}
