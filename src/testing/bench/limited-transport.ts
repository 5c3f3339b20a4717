import { UnsupportedError } from '../../core/errors.ts'
import type { Envelope } from '../../core/message.ts'
import type { SendStatus, Transport, TransportCapabilities } from '../../core/transport.ts'
import { ForwardingTransport } from './forwarding-store.ts'

/**
 * A transport that can do no more than another one: what the real transport of a broker would refuse,
 * its stand-in in a test refuses too.
 */
export class LimitedTransport extends ForwardingTransport {
  readonly #limits: { readonly name: string; readonly capabilities: TransportCapabilities }

  constructor(inner: Transport, limits: Pick<Transport, 'name' | 'capabilities'>) {
    super(inner)
    this.#limits = limits
  }

  override get capabilities(): TransportCapabilities {
    const [can, may] = [this.inner.capabilities, this.#limits.capabilities]
    return {
      ...can,
      delayed: can.delayed && may.delayed,
      priorities: can.priorities && may.priorities,
      workflows: can.workflows && may.workflows,
      locks: can.locks && may.locks,
      control: can.control && may.control,
      rates: can.rates && may.rates,
      gates: can.gates && may.gates,
      schedules: can.schedules && may.schedules,
      unique: can.unique && may.unique,
      caps: can.caps && may.caps,
    }
  }

  override async send(envelopes: readonly Envelope[]): Promise<readonly SendStatus[]> {
    const later = envelopes.some(({ delay = 0, at }) => delay > 0 || at !== undefined)
    if (later && !this.capabilities.delayed) {
      throw new UnsupportedError(
        `transport '${this.#limits.name}', which this test stands in for, cannot delay messages.`,
      )
    }
    return this.inner.send(envelopes)
  }
}
