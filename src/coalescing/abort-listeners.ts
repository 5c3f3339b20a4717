/**
 * One listener for each signal, however many waits it ends: a thousand results are often awaited
 * under one signal, and Node warns of a leak at the eleventh listener.
 */
export class AbortListeners {
  readonly #bySignal = new Map<AbortSignal, { listen: () => void; calls: Set<() => void> }>()

  /** Calls once the signal aborts, until {@link remove}d. */
  add(signal: AbortSignal, call: () => void): void {
    const known = this.#bySignal.get(signal)
    if (known !== undefined) {
      known.calls.add(call)
      return
    }
    const calls = new Set([call])
    const listen = (): void => {
      for (const each of [...calls]) each()
    }
    this.#bySignal.set(signal, { listen, calls })
    signal.addEventListener('abort', listen)
  }

  /** Forgets a call; idempotent. */
  remove(signal: AbortSignal, call: () => void): void {
    const known = this.#bySignal.get(signal)
    if (known === undefined) return
    known.calls.delete(call)
    if (known.calls.size > 0) return
    signal.removeEventListener('abort', known.listen)
    this.#bySignal.delete(signal)
  }
}
