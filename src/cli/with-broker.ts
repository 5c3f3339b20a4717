import type { Broker } from '../broker/broker.ts'
import type { ExitCode } from './exit-codes.ts'
import { openBroker } from './load-broker.ts'

/** Opens the broker of a target for one command and closes it, whatever happens. */
export async function withBroker(
  target: string,
  use: (broker: Broker) => Promise<ExitCode>,
): Promise<ExitCode> {
  const broker = await openBroker(target)
  try {
    await broker.start()
    return await use(broker)
  } finally {
    await broker.stop()
  }
}
