import type {
  ControlAnswer,
  ControlChannel,
  ControlListener,
  ControlMessage,
} from '../core/control-channel.ts'
import type { RedisStore } from './redis-store.ts'

interface Call {
  /** The channel on which answers are heard. */
  readonly reply: string
  readonly call: number
  readonly message: ControlMessage
}

interface Reply {
  readonly call: number
  readonly answers: readonly ControlAnswer[]
}

/** The control channel of a Redis: publish and subscribe, and a hash of settings. */
export class RedisControl implements ControlChannel {
  readonly #store: RedisStore
  readonly #listeners = new Set<ControlListener>()
  readonly #waiting = new Map<number, (answers: readonly ControlAnswer[]) => void>()
  #calls = 0

  constructor(store: RedisStore) {
    this.#store = store
  }

  async broadcast(
    message: ControlMessage,
    { wait }: { readonly wait: number },
  ): Promise<readonly ControlAnswer[]> {
    const { subscriber, commands, around } = this.#store
    const call = ++this.#calls
    const answers: ControlAnswer[] = []
    let heard = 0
    let expected = Infinity
    let done: () => void = () => {}
    const all = new Promise<void>((resolve) => {
      done = resolve
    })
    this.#waiting.set(call, (more) => {
      answers.push(...more)
      if (++heard >= expected) done()
    })
    const timer = around.clock.after(wait, () => done())
    try {
      await subscriber.hear(this.#replyChannel, (text) => this.#answered(text))
      const text = JSON.stringify({ reply: this.#replyChannel, call, message } satisfies Call)
      const told = Number(await commands.call('PUBLISH', [this.#channel, text]))
      expected = await this.#hearers(told)
      if (heard < expected) await all
      return answers
    } finally {
      timer.cancel()
      this.#waiting.delete(call)
    }
  }

  async listen(listener: ControlListener): Promise<() => Promise<void>> {
    const own: ControlListener = (message) => listener(message)
    this.#listeners.add(own)
    await this.#store.subscriber.hear(this.#channel, (text) => this.#asked(text))
    return async () => {
      this.#listeners.delete(own)
      if (this.#listeners.size === 0) await this.#store.subscriber.forget(this.#channel)
    }
  }

  async settings(): Promise<ReadonlyMap<string, string>> {
    const flat = (await this.#store.commands.call('HGETALL', [this.#settingsKey])) as string[]
    const settings = new Map<string, string>()
    for (let i = 0; i < flat.length; i += 2) settings.set(flat[i] ?? '', flat[i + 1] ?? '')
    return settings
  }

  async set(settings: Readonly<Record<string, string | null>>): Promise<void> {
    const flat = Object.entries(settings).flatMap(([name, value]) => [
      name,
      value === null ? 0 : 1,
      value ?? '',
    ])
    await this.#store.commands.call('EVAL', [setAll, 1, this.#settingsKey, ...flat])
  }

  /** How many processes hear a message; `Infinity` where that cannot be told. */
  async #hearers(told: number): Promise<number> {
    const { commands, connector } = this.#store
    if (!connector.isCluster) return told
    // What is published goes to all nodes, and each tells only of those who hear it there.
    const nodes = commands.client.nodes?.('all') ?? []
    const asked = nodes.map((node) => node.call('PUBSUB', 'NUMSUB', this.#channel))
    try {
      const counts = (await Promise.all(asked)) as readonly (readonly [string, number])[]
      return counts.reduce((sum, [, count]) => sum + Number(count), 0)
    } catch {
      return Infinity
    }
  }

  get #channel(): string {
    return `${this.#store.keys.app}control`
  }
  get #replyChannel(): string {
    return `${this.#store.keys.app}control:${this.#store.instance}`
  }
  get #settingsKey(): string {
    return `${this.#store.keys.app}settings`
  }

  #asked(text: string): void {
    const { reply, call, message } = JSON.parse(text) as Call
    const answers = [...this.#listeners].flatMap((listener) => listener(message) ?? [])
    const body = JSON.stringify({ call, answers } satisfies Reply)
    this.#store.commands.call('PUBLISH', [reply, body]).catch((error: unknown) => {
      this.#store.around.logger.debug('a control message could not be answered', { error })
    })
  }

  #answered(text: string): void {
    const { call, answers } = JSON.parse(text) as Reply
    this.#waiting.get(call)?.(answers)
  }
}

/** in: key of the settings, then name, 1 or 0, value of each */
const setAll = `
for i = 1, #ARGV, 3 do
  if ARGV[i + 1] == '1' then redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 2])
  else redis.call('HDEL', KEYS[1], ARGV[i]) end
end
`
