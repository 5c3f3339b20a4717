import type { Body } from '../../core/message.ts'
import type { ResultBackend } from '../../core/result-backend.ts'
import { ForwardingResults } from './forwarding-store.ts'
import type { Watchdog } from './watchdog.ts'

/** Results for which nobody waits in vain for ever: a wait in which nothing happens is given up. */
export class WatchedResults extends ForwardingResults {
  readonly #watchdog: Watchdog
  readonly #why: (what: string) => Promise<Error>

  constructor(
    inner: ResultBackend,
    { watchdog, why }: { watchdog: Watchdog; why: (what: string) => Promise<Error> },
  ) {
    super(inner)
    this.#watchdog = watchdog
    this.#why = why
  }

  override async wait(id: string, { signal }: { signal: AbortSignal }): Promise<Body> {
    const given = new AbortController()
    const unwatch = this.#watchdog.watch(() => {
      void this.#why(`the result of task ${id}`).then((error) => given.abort(error))
    })
    try {
      return await super.wait(id, { signal: AbortSignal.any([signal, given.signal]) })
    } finally {
      unwatch()
    }
  }
}
