import type { Timer } from '../core/clock.ts'
import type {
  ControlAnswer,
  ControlChannel,
  ControlListener,
  ControlMessage,
} from '../core/control-channel.ts'
import type { SqliteStore } from './sqlite-store.ts'

/** Milliseconds between two looks, whatever was or was not heard. */
const poll = 1000
/** Milliseconds for which a listener is known without a sign of life. */
const known = 30_000

/** The control channel of a database: rows, and the bell that also tells of cancels. */
export class SqliteControl implements ControlChannel {
  readonly #store: SqliteStore

  constructor(store: SqliteStore) {
    this.#store = store
  }

  async broadcast(
    message: ControlMessage,
    { wait }: { readonly wait: number },
  ): Promise<readonly ControlAnswer[]> {
    const { clock } = this.#store.around
    this.#store.listen('cancels')
    const deadline = clock.monotonic() + wait
    const { seq, listeners } = await this.#store.call('controlSend', JSON.stringify(message))
    for (;;) {
      const stamp = this.#store.cancels.stamp
      const texts = await this.#store.call('controlAnswers', seq)
      const left = deadline - clock.monotonic()
      if (texts.length >= listeners || left <= 0) return texts.flatMap(answersIn)
      await this.#rung(stamp, Math.min(left, poll))
    }
  }

  async listen(listener: ControlListener): Promise<() => Promise<void>> {
    const { around, cancels } = this.#store
    this.#store.listen('cancels')
    const id = around.random.hex(8)
    let last = await this.#store.call('controlListen', { id, ms: known })
    let noted = around.clock.monotonic()
    let looking = Promise.resolve()
    let timer: Timer | undefined
    let stopped = false
    const look = async (): Promise<void> => {
      if (stopped) return
      try {
        for (const { seq, body } of await this.#store.call('controlMessages', last)) {
          last = Math.max(last, seq)
          const answer = listener(JSON.parse(body) as ControlMessage)
          const text = JSON.stringify(answer === undefined ? [] : [answer])
          await this.#store.call('controlAnswer', { ref: seq, body: text })
        }
        if (around.clock.monotonic() - noted > known / 3) {
          noted = around.clock.monotonic()
          await this.#store.call('controlListen', { id, ms: known })
        }
      } catch (error) {
        // The store is away: the next look is in a second.
        around.logger.debug('the control channel could not be read', { error })
      }
    }
    const turn = (): void => {
      timer?.cancel()
      looking = looking.then(look).then(() => {
        if (!stopped) timer = around.clock.after(poll, turn, { background: true })
      })
    }
    const stopListening = cancels.listen(turn)
    turn()
    return async () => {
      stopped = true
      timer?.cancel()
      stopListening()
      await looking
      await this.#store.call('controlListen', { id, ms: 0 }).catch(() => {})
    }
  }

  async settings(): Promise<ReadonlyMap<string, string>> {
    return new Map(await this.#store.call('settings', null))
  }

  async set(settings: Readonly<Record<string, string | null>>): Promise<void> {
    await this.#store.call('setSettings', settings)
  }

  #rung(stamp: number, ms: number): Promise<void> {
    const { around, cancels } = this.#store
    if (stamp !== cancels.stamp) return Promise.resolve()
    return new Promise((resolve) => {
      const end = (): void => {
        timer.cancel()
        stop()
        resolve()
      }
      const timer = around.clock.after(ms, end)
      const stop = cancels.listen(end)
    })
  }
}

function answersIn(text: string): readonly ControlAnswer[] {
  return JSON.parse(text) as readonly ControlAnswer[]
}
