import type { RedisArgument } from '../connections/redis/redis-client.ts'
import type { Gate } from '../core/gate.ts'
import type { Envelope } from '../core/message.ts'
import { hasIdInBody } from './entries.ts'
import { gateText } from './line-priority.ts'

/**
 * The bodies of messages that say no more than their bodies do: fresh ones of one queue and of the default
 * priority, for now. `undefined` when one of them says more. Most sends are such, and Redis reads them in
 * half the time.
 */
export function plainBodies(
  envelopes: readonly Envelope[],
  unsure: ReadonlySet<string>,
): RedisArgument[] | undefined {
  const queue = envelopes[0]?.queue
  const bodies: RedisArgument[] = []
  for (const envelope of envelopes) {
    const { body, gates } = envelope
    if (gates !== undefined || typeof body !== 'string' || saysMore(envelope, { queue, unsure }))
      return undefined
    bodies.push(body)
  }
  return bodies
}

/**
 * The same for messages that have gates beside their bodies, which let wait: how many different gates, these,
 * which of them each message has, and the bodies.
 */
export function gatedBodies(
  envelopes: readonly Envelope[],
  unsure: ReadonlySet<string>,
): RedisArgument[] | undefined {
  const queue = envelopes[0]?.queue
  const texts = new Map<string, number>()
  const bodies: RedisArgument[] = []
  let which = ''
  let last: readonly Gate[] | undefined
  let number = 0
  for (const envelope of envelopes) {
    const { body, gates } = envelope
    if (gates === undefined || typeof body !== 'string' || saysMore(envelope, { queue, unsure }))
      return undefined
    // Messages of a task without keys share one list.
    if (gates !== last) {
      if (gates.some(({ full = 'wait' }) => full !== 'wait')) return undefined
      const text = gateText(gates)
      number = texts.get(text) ?? texts.size + 1
      texts.set(text, number)
      last = gates
    }
    which += `${number} `
    bodies.push(body)
  }
  return [texts.size, ...texts.keys(), which, ...bodies]
}

/** Whether a message says more than its body and its gates do. */
function saysMore(
  { id, fresh, queue, priority, body, delay, at, expires, unique }: Envelope,
  one: { readonly queue: string | undefined; readonly unsure: ReadonlySet<string> },
): boolean {
  return (
    fresh !== true ||
    queue !== one.queue ||
    priority !== 4 ||
    delay !== undefined ||
    at !== undefined ||
    expires !== undefined ||
    unique !== undefined ||
    typeof body !== 'string' ||
    !hasIdInBody(id, body) ||
    one.unsure.has(id)
  )
}
