import { UnsupportedError } from '../core/errors.ts'
import type { ScheduleSource } from '../core/schedule-source.ts'
import type { BrokerIdentity } from '../broker/broker-identity.ts'
import { runtimeOf } from '../broker/runtime.ts'

/**
 * Plans in the broker's own store, beside its messages: the place for plans that are made at run time, where
 * nothing speaks for another one.
 */
export function storeSource(broker: BrokerIdentity): ScheduleSource {
  const plans = (): ScheduleSource => {
    const { plans: own, transport } = runtimeOf(broker)
    if (own !== undefined) return own
    throw new UnsupportedError(
      `transport '${transport.name}' keeps no plans: give createScheduler a source that does.`,
    )
  }
  runtimeOf(broker)
  /** Of the runtime that it was started on: a test may have another one there when it is stopped. */
  let opened: ScheduleSource | undefined
  return {
    name: 'store',
    writable: true,
    get identity() {
      return plans().identity
    },
    async start(around) {
      await runtimeOf(broker).start()
      opened = plans()
      await opened.start(around)
    },
    async stop() {
      await opened?.stop()
      opened = undefined
    },
    read: async (since) => plans().read(since),
    put: async (each) => plans().put(each),
    remove: async (ids) => plans().remove(ids),
  }
}
