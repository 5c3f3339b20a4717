/**
 * Where a broker keeps its inside (see `BrokerRuntime`). A registered symbol, so that a second copy of
 * this package (a command line beside the user's own) finds it.
 */
export const runtimeKey: unique symbol = Symbol.for('taskwright.broker.runtime')

/** Something that is a broker of ours, of whichever copy of this package. */
export interface BrokerIdentity {
  readonly [runtimeKey]: unknown
}

/** Whether a value is a broker. */
export function isBroker(value: unknown): value is BrokerIdentity {
  return typeof value === 'object' && value !== null && runtimeKey in value
}
