/** Transports with a part of the protocol missing: the negative controls. */
import type { Claim, Transport, TransportFactory } from 'taskwright'
import type { TransportPlan, Variant } from './worker-plan.ts'
import { wrapTransport } from './wrap-transport.ts'

/** Takes a part of the protocol away. */
export function broken(
  inner: TransportFactory,
  variant: Variant,
  plan: TransportPlan,
): TransportFactory {
  return wrapTransport(inner, (transport) =>
    variant === 'no-renewal' ? withoutRenewal() : withoutFence(transport, plan),
  )
}

/** Leases are taken and never renewed. */
function withoutRenewal(): Partial<Transport> {
  return { keepLeases: () => ({ keep() {}, forget() {}, stop: async () => {} }) }
}

/** Whoever settles does so in the name of the present holder, whether that is he or not. */
function withoutFence(inner: Transport, { options }: TransportPlan): Partial<Transport> {
  let tokenOf: ((id: string) => number | undefined) | undefined
  const current = <C extends Claim>(claim: C): C => {
    const token = tokenOf?.(claim.id)
    return token === undefined ? claim : { ...claim, token }
  }
  return {
    async settle(settlements) {
      tokenOf ??= await tokensOf(options.file)
      return inner.settle(settlements.map((one) => ({ ...one, claim: current(one.claim) })))
    },
  }
}

/** Reads the token of a running message, through the library that has the file open already. */
async function tokensOf(file: string): Promise<(id: string) => number | undefined> {
  const { DatabaseSync } = await import('@photostructure/sqlite')
  const database = new DatabaseSync(file)
  const sql = 'SELECT token FROM tw_message WHERE id = ? AND state = 4'
  // Prepared anew each time: a statement does not keep its database from being collected.
  return (id) => (database.prepare(sql).get(id) as { token: number } | undefined)?.token
}
