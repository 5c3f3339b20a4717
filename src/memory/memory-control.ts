import type {
  ControlAnswer,
  ControlChannel,
  ControlListener,
  ControlMessage,
} from '../core/control-channel.ts'

/** Who listens to a memory store, and what was set. */
export interface ControlState {
  readonly listeners: Set<ControlListener>
  readonly settings: Map<string, string>
}

/** The control channel of a memory store: all of its listeners are in this process, and answer at once. */
export class MemoryControl implements ControlChannel {
  readonly #state: ControlState

  constructor(state: ControlState) {
    this.#state = state
  }

  async broadcast(message: ControlMessage): Promise<readonly ControlAnswer[]> {
    return [...this.#state.listeners].flatMap((listener) => listener(message) ?? [])
  }

  async listen(listener: ControlListener): Promise<() => Promise<void>> {
    const own: ControlListener = (message) => listener(message)
    this.#state.listeners.add(own)
    return async () => void this.#state.listeners.delete(own)
  }

  async settings(): Promise<ReadonlyMap<string, string>> {
    return new Map(this.#state.settings)
  }

  async set(settings: Readonly<Record<string, string | null>>): Promise<void> {
    for (const [name, value] of Object.entries(settings)) {
      if (value === null) this.#state.settings.delete(name)
      else this.#state.settings.set(name, value)
    }
  }
}
