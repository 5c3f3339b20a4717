import { InvalidInputError, UnsupportedError } from '../core/errors.ts'
import { gateKey } from './gate-policy.ts'
import type { BrokerRuntime } from './runtime.ts'

/**
 * Sets the limit of a task, or of one of its keys, for all processes.
 * @throws UnsupportedError, InvalidInputError
 */
export async function setConcurrency(
  { transport, registry }: BrokerRuntime,
  task: { readonly name: string },
  { limit, key }: { readonly limit: number | null; readonly key: string | undefined },
): Promise<void> {
  if (!transport.capabilities.gates)
    throw new UnsupportedError(`transport '${transport.name}' knows no limits over all processes.`)
  if (limit !== null && !(Number.isSafeInteger(limit) && limit >= 1))
    throw new InvalidInputError(`a limit is a whole number of 1 or more, or null, not ${limit}.`)
  const gates = registry.get(task.name)?.gates ?? []
  const name = gates.find(
    (gate) => gate.name.startsWith('limit') && (gate.key !== undefined) === (key !== undefined),
  )?.name
  if (name === undefined) {
    const what = key === undefined ? 'no `concurrency` of its own' : 'no `concurrency` with a key'
    throw new InvalidInputError(
      `task '${task.name}' has ${what} in this program: messages that were sent without bring no gate that a limit could hold for.`,
    )
  }
  await transport.configureGates({ [gateKey(task, { name, key })]: limit })
}
