import type {
  Body,
  Claim,
  Delivery,
  LeaseKeeperOptions,
  Transport,
  TransportFactory,
} from 'taskwright'
import type { Fact, Ledger } from './ledger.ts'
import { wrapTransport } from './wrap-transport.ts'

/** A transport that writes into the ledger what is claimed, settled, given back and lost through it. */
export function recorded(inner: TransportFactory, ledger: Ledger): TransportFactory {
  return wrapTransport(inner, (transport) => watched(transport, ledger))
}

/** Only the methods that tell of a hand-over are watched. */
function watched(inner: Transport, ledger: Ledger): Partial<Transport> {
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
  return {
    receive: async (request) => claimed(await inner.receive(request)),
    async cancel(ids, options) {
      const answers = await inner.cancel(ids, options)
      claimed(answers.flatMap((answer) => (answer.state === 'waiting' ? [answer.delivery] : [])))
      return answers
    },
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
      ledger.write(
        ...claims.map(({ id, token }): Fact => ({ kind: 'release', id, token: String(token) })),
      )
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
