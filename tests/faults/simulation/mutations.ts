/**
 * The protocol with one thing wrong, made by wrapping: each must be caught within a number of seeds,
 * or the simulation would not catch the same mistake in the code itself.
 */
import type { Settlement } from '../../../src/core/settlement.ts'
import type { Transport } from '../../../src/core/transport.ts'
import type { MemoryStore } from '../../../src/memory/memory-store.ts'
import type { WorkerOptions } from '../../../src/worker/worker-options.ts'

/** One thing that is wrong. */
export interface Mutation {
  readonly name: string
  readonly wrong: string
  readonly worker?: WorkerOptions | undefined
  readonly neverRenews?: boolean | undefined
  /** An answer that comes after the signal is thrown away. */
  readonly dropsAborted?: boolean | undefined
  readonly transport?: ((inner: Transport, store: MemoryStore) => Partial<Transport>) | undefined
}

const forEver = 1e9
/** Of simulated time: results are kept for longer than any run. */
const beginning = Date.UTC(2030, 0, 1)

/** All of them. */
export const mutations: readonly Mutation[] = [
  {
    name: 'early-ack',
    wrong: 'a message ends before it runs',
    worker: { ack: 'early' },
  },
  {
    name: 'no-renewal',
    wrong: 'leases are never renewed',
    neverRenews: true,
  },
  {
    name: 'no-fence',
    wrong: 'whoever settles does so in the name of the present holder',
    transport: (inner, store) => ({
      settle: (settlements) => inner.settle(settlements.map((one) => inNameOfHolder(store, one))),
    }),
  },
  {
    name: 'last-writer',
    wrong: 'the last result wins, whether its settle is refused or not',
    transport: (inner, store) => ({
      settle(settlements) {
        for (const { result } of settlements) {
          if (result === undefined) continue
          store.results.delete(result.id, beginning)
          store.results.save(result, beginning)
        }
        return inner.settle(settlements)
      },
    }),
  },
  {
    name: 'result-unfenced',
    wrong: 'the result is stored although the settle is refused',
    transport: (inner, store) => ({
      settle(settlements) {
        for (const { result } of settlements)
          if (result !== undefined) store.results.save(result, beginning)
        return inner.settle(settlements)
      },
    }),
  },
  {
    name: 'result-apart',
    wrong: 'now and then the outcome is stored without its result',
    transport: (inner) => {
      let count = 0
      return {
        settle: (settlements) =>
          inner.settle(
            settlements.map((one) => (++count % 7 === 0 ? { ...one, result: undefined } : one)),
          ),
      }
    },
  },
  {
    name: 'settle-dropped',
    wrong: 'now and then a settlement of a batch is told as done and is not',
    transport: (inner) => {
      let count = 0
      return {
        async settle(settlements) {
          const drops = ++count % 5 === 0
          const done = await inner.settle(drops ? settlements.slice(0, -1) : settlements)
          return drops ? [...done, 'settled'] : done
        },
      }
    },
  },
  {
    name: 'release-counts',
    wrong: 'what is given back counts a lost lease',
    transport: (inner, store) => ({
      async release(claims) {
        const statuses = await inner.release(claims)
        for (const [i, { id }] of claims.entries()) {
          const message = store.messages.get(id)
          if (statuses[i] === 'settled' && message !== undefined) message.redeliveries++
        }
        return statuses
      },
    }),
  },
  {
    name: 'retries-forgotten',
    wrong: 'a retry is stored with the bytes of the first run',
    transport: (inner, store) => ({
      settle: (settlements) =>
        inner.settle(
          settlements.map((one) => {
            const body = store.messages.get(one.claim.id)?.body
            if (one.outcome.kind !== 'retry' || body === undefined) return one
            return { ...one, outcome: { ...one.outcome, body } }
          }),
        ),
    }),
  },
  {
    name: 'lost-leases-forgotten',
    wrong: 'nobody hears how often a lease was lost',
    transport: (inner) => ({
      receive: async (request) =>
        (await inner.receive(request)).map((delivery) => ({ ...delivery, redeliveries: 0 })),
    }),
  },
  {
    name: 'no-reclaim',
    wrong: 'ended leases are never taken back',
    transport: (inner) => ({
      receive: (request) => inner.receive({ ...request, lease: forEver }),
      recover: (known) => inner.recover(known, forEver),
      extend: (claims) => inner.extend(claims, forEver),
    }),
  },
  {
    name: 'cancel-forgotten',
    wrong: 'a message that was cancelled while it ran may still succeed',
    transport: (inner, store) => ({
      settle(settlements) {
        for (const { claim } of settlements) {
          const message = store.messages.get(claim.id)
          if (message !== undefined) message.cancelled = undefined
        }
        return inner.settle(settlements)
      },
    }),
  },
  {
    name: 'handed-out-twice',
    wrong: 'now and then a delivery is handed to two receivers',
    transport: (inner, store) => ({
      async receive(request) {
        const deliveries = await inner.receive(request)
        const again = twice.get(store) ?? []
        twice.set(store, deliveries.slice(0, 1))
        const held = again.filter((delivery) => store.held(delivery) !== undefined)
        return [...deliveries, ...held.filter(({ id }) => deliveries.every((one) => one.id !== id))]
      },
    }),
  },
  {
    name: 'delay-ignored',
    wrong: 'scheduled messages run at once',
    transport: (inner) => ({
      send: (envelopes) =>
        inner.send(envelopes.map((one) => ({ ...one, delay: undefined, at: undefined }))),
    }),
  },
  {
    name: 'claims-dropped-at-stop',
    wrong: 'what a stopped receive had claimed is forgotten',
    dropsAborted: true,
  },
  {
    name: 'sent-twice',
    wrong: 'an id that has ended is taken as a new message',
    transport: (inner, store) => ({
      send(envelopes) {
        for (const { id } of envelopes) store.results.delete(id, beginning)
        return inner.send(envelopes)
      },
    }),
  },
]

const twice = new WeakMap<MemoryStore, Awaited<ReturnType<Transport['receive']>>>()

function inNameOfHolder(store: MemoryStore, settlement: Settlement): Settlement {
  const token = store.messages.get(settlement.claim.id)?.token
  return token === undefined ? settlement : { ...settlement, claim: { ...settlement.claim, token } }
}
