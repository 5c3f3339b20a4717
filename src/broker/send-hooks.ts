import { SendFailedError } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import type { Middleware, Sending } from '../core/middleware.ts'
import type { SendStatus } from '../core/transport.ts'

/** What {@link throughSendHooks} needs. */
export interface SendHooks {
  /** Those middlewares that have a `send`. */
  readonly hooks: readonly Middleware[]
  readonly logger: Logger
  /** Hands a message, as the innermost hook passed it on, to the store. */
  readonly store: (sending: Sending) => Promise<SendStatus>
}

/**
 * Takes a message through the onion. An error before the store has the message is the caller's; one
 * after it is logged, because saying otherwise would have the message sent twice.
 *
 * @throws SendFailedError when a hook breaks its contract: another id, `next` twice, no `next`.
 */
export async function throughSendHooks(
  first: Sending,
  { hooks, logger, store }: SendHooks,
): Promise<SendStatus> {
  const { id } = first.message
  let stored: SendStatus | undefined
  let refused: Error | undefined
  const at = async (index: number, sending: Sending): Promise<SendStatus> => {
    const hook = hooks[index]
    if (hook?.send === undefined) {
      try {
        return (stored = await store(sending))
      } catch (error) {
        refused = error instanceof Error ? error : new Error(String(error))
        throw error
      }
    }
    let called = false
    return hook.send(sending, async (next) => {
      if (called) throw broken(hook, index, 'called next twice')
      called = true
      if (next.message.id !== id) throw broken(hook, index, 'changed the id of a message')
      return at(index + 1, next)
    })
  }
  try {
    const status = await at(0, first)
    if (stored !== undefined) return status
    // A hook that swallowed the store's error must not make the message seem sent.
    throw (
      refused ??
      new SendFailedError('a middleware answered without calling next: nothing was sent.')
    )
  } catch (error) {
    if (stored === undefined) throw error
    logger.error('a middleware failed after the message was stored', { id, error })
    return stored
  }
}

function broken(hook: Middleware, index: number, what: string): SendFailedError {
  return new SendFailedError(`middleware '${hook.name ?? index}' ${what}.`)
}
