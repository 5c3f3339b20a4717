import type {
  Body,
  Claim,
  Delivery,
  LeaseKeeperOptions,
  Transport,
  TransportFactory,
} from 'taskwright'
import type { Fact, Ledger } from './ledger.ts'

/** A transport that writes into the ledger what is claimed, settled, given back and lost through it. */
export function recorded(inner: TransportFactory, ledger: Ledger): TransportFactory {
  return {
    ...inner,
    create(around) {
      const opened = inner.create(around)
      return { ...opened, transport: wrap(opened.transport, ledger) }
    },
  }
}

/** Everything passes; only the methods that tell of a hand-over are watched. */
function wrap(inner: Transport, ledger: Ledger): Transport {
  const claimed = (deliveries: readonly Delivery[]): readonly Delivery[] => {
    ledger.write(
      ...deliveries.map(({ id, token, redeliveries, body }): Fact => ({
        kind: 'claim',
        id,
        token: String(token),
        retries: retriesOf(body),
        redeliveries,
      })),
    )
    return deliveries
  }
  const watched: Partial<Transport> = {
    receive: async (request) => claimed(await inner.receive(request)),
    recover: async (known, lease) => claimed(await inner.recover(known, lease)),
    async settle(settlements) {
      const facts = settlements.map(({ claim, outcome }) => ({
        id: claim.id,
        token: String(claim.token),
        outcome: outcome.kind === 'setAside' ? outcome.reason : outcome.kind,
      }))
      ledger.write(...facts.map((fact): Fact => ({ kind: 'settle', ...fact })))
      const statuses = await inner.settle(settlements)
      ledger.write(
        ...facts.map((fact, i): Fact => ({ kind: 'settled', ...fact, status: statuses[i] ?? '' })),
      )
      return statuses
    },
    async release(claims) {
      const statuses = await inner.release(claims)
      ledger.write(
        ...claims.map(({ id, token }, i): Fact => ({
          kind: 'released',
          id,
          token: String(token),
          status: statuses[i] ?? '',
        })),
      )
      return statuses
    },
    keepLeases: (options) => inner.keepLeases(listening(options, ledger)),
  }
  return new Proxy(inner, {
    get(target, name) {
      const own: unknown = Reflect.get(watched, name)
      if (own !== undefined) return own
      const value: unknown = Reflect.get(target, name)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

function listening(options: LeaseKeeperOptions, ledger: Ledger): LeaseKeeperOptions {
  return {
    ...options,
    onLost(claims: readonly Claim[]) {
      ledger.write(
        ...claims.map(({ id, token }): Fact => ({ kind: 'lost', id, token: String(token) })),
      )
      options.onLost(claims)
    },
  }
}

/** Failed runs, as the message's own label says; nothing else of the bytes is looked at. */
function retriesOf(body: Body): number {
  return typeof body === 'string' ? Number(/"_retries":"?(\d+)/.exec(body)?.[1] ?? 0) : 0
}
