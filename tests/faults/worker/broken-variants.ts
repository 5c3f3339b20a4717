/** Transports with a part of the protocol missing: the negative controls. */
import { Redis } from 'ioredis'
import type { Claim, Transport, TransportFactory } from 'taskwright'
import { fileOf, type RedisPlan, type TransportPlan, type Variant } from './worker-plan.ts'
import { wrapTransport } from './wrap-transport.ts'

/** Takes a part of the protocol away. */
export function broken(
  inner: TransportFactory,
  variant: Variant,
  plan: TransportPlan,
): TransportFactory {
  return wrapTransport(inner, (transport) => {
    if (variant === 'no-renewal') return withoutRenewal()
    if (variant === 'no-reclaim') return withoutReclaim(transport)
    return plan.kind === 'redis' ? asPythonSettles(transport, plan) : withoutFence(transport, plan)
  })
}

/** Leases are taken and never renewed. */
function withoutRenewal(): Partial<Transport> {
  return { keepLeases: () => ({ keep() {}, forget() {}, stop: async () => {} }) }
}

/** Leases never end. */
function withoutReclaim(inner: Transport): Partial<Transport> {
  return {
    ...withoutRenewal(),
    receive: (request) => inner.receive({ ...request, lease: 1e9 }),
  }
}

/** Acknowledges an entry whoever holds it, and writes the result, as a plain consumer of streams does. */
function asPythonSettles(inner: Transport, { url }: RedisPlan): Partial<Transport> {
  let client: Redis | undefined
  return {
    async settle(settlements) {
      client ??= new Redis(url)
      const redis = client
      return Promise.all(
        settlements.map(async (settlement) => {
          const { claim, outcome, result } = settlement
          if (outcome.kind !== 'succeeded' || result === undefined)
            return (await inner.settle([settlement]))[0] ?? 'gone'
          const entry = /^4\d+\.\d+\.(.+)$/.exec(String(claim.token))?.[1] ?? ''
          await redis
            .multi()
            .set(claim.id, String(result.body), 'PX', 600_000)
            .xack('taskiq', 'taskiq', entry)
            .xdel('taskiq', entry)
            .exec()
          return 'settled' as const
        }),
      )
    },
  }
}

/** Whoever settles does so in the name of the present holder, whether that is he or not. */
function withoutFence(inner: Transport, plan: TransportPlan): Partial<Transport> {
  let tokenOf: ((id: string) => number | undefined) | undefined
  const current = <C extends Claim>(claim: C): C => {
    const token = tokenOf?.(claim.id)
    return token === undefined ? claim : { ...claim, token }
  }
  return {
    async settle(settlements) {
      tokenOf ??= await tokensOf(fileOf(plan))
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
