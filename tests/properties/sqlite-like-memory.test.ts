/**
 * Whatever is sent, claimed, settled, cancelled, given back and forgotten: SQLite answers as memory
 * does. Claims of many rows, and ends of what was claimed together, take other statements than those of
 * a few, so runs of all lengths, broken in all ways, are drawn here.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { Claim, Delivery } from '../../src/core/delivery.ts'
import { silentLogger } from '../../src/core/logger.ts'
import { seededRandom } from '../../src/core/random.ts'
import type { Outcome, Settlement } from '../../src/core/settlement.ts'
import type { OpenTransport, TransportFactory } from '../../src/core/vendor.ts'
import { memoryTransport } from '../../src/memory/memory-transport.ts'
import { sqliteTransport } from '../../src/sqlite/index.ts'
import { ManualClock } from '../../src/testing/manual-clock.ts'

type Step =
  | { readonly do: 'send'; readonly counts: readonly (readonly [queue: 0 | 1, priority: number])[] }
  | { readonly do: 'claim'; readonly room: number; readonly queue: 0 | 1 }
  /** `gap`: every so-manieth is left out; `fate` says how the others end. */
  | { readonly do: 'settle'; readonly gap: number; readonly fate: number; readonly twice: boolean }
  | { readonly do: 'cancel' | 'release'; readonly nth: number }
  | { readonly do: 'wait'; readonly ms: number }

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('send' as const),
      counts: fc.array(
        fc.tuple(fc.constantFrom(0 as const, 1 as const), fc.constantFrom(4, 4, 4, 9)),
        {
          minLength: 1,
          maxLength: 30,
        },
      ),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('claim' as const),
      room: fc.integer({ min: 1, max: 40 }),
      queue: fc.constantFrom(0 as const, 0 as const, 1 as const),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('settle' as const),
      gap: fc.constantFrom(0, 0, 2, 3, 7),
      fate: fc.nat(9),
      twice: fc.boolean(),
    }),
  },
  fc.record({ do: fc.constantFrom('cancel' as const, 'release' as const), nth: fc.nat(50) }),
  fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(100, 600, 2000) }),
)

/** Ends between two steps of time: the engine adds what a batch has waited for its turn. */
const lease = 1050
const never = new AbortController().signal

/** A store and what it has handed out; tokens are its own, so claims are named by their order. */
class Store {
  readonly #open: OpenTransport
  readonly #handed: Delivery[] = []

  readonly #clock = new ManualClock()

  constructor(factory: TransportFactory) {
    this.#open = factory.create({
      clock: this.#clock,
      random: seededRandom(1),
      logger: silentLogger,
    })
  }

  async start(): Promise<void> {
    await this.#open.transport.start()
    await this.#open.results.start()
  }

  async stop(): Promise<void> {
    await this.#open.results.stop()
    await this.#open.transport.stop()
  }

  /** A claim takes back ended leases of its queue at least: whether of others too is each store's own. */
  async claim(queue: string, room: number): Promise<unknown> {
    const { transport } = this.#open
    const asked = { queues: [queue], room, lease, signal: never, wait: 0 }
    const found = await transport.receive(asked)
    this.#handed.push(...found)
    return found.map(({ token: _token, enqueuedAt: _at, ...rest }) => rest)
  }

  async take(one: Step, no: number): Promise<unknown> {
    const { transport, results, inspector } = this.#open
    switch (one.do) {
      case 'send':
        return transport.send(
          one.counts.map(([queue, priority], i) => ({
            id: idOf(no, i),
            queue: `q${queue}`,
            priority,
            body: `b${no}.${i}`,
          })),
        )
      case 'claim':
        return this.claim(`q${one.queue}`, one.room)
      case 'settle': {
        const held = this.#handed.filter((_, i) => one.gap === 0 || (i + no) % one.gap !== 0)
        const settlements = held.map((claim, i) =>
          settlementOf(claim, (one.fate + i * one.gap) % 10),
        )
        const answers = await transport.settle(
          one.twice ? [...settlements, ...settlements] : settlements,
        )
        const bodies = await results.get(held.map(({ id }) => id))
        return [answers, bodies]
      }
      case 'cancel': {
        const id = this.#handed[one.nth]?.id ?? idOf(one.nth, 0)
        const [answer] = await transport.cancel([id], { reason: `r${no}`, lease })
        if (answer?.state === 'waiting') this.#handed.push(answer.delivery)
        return answer?.state
      }
      case 'release':
        return transport.release(this.#handed.slice(one.nth, one.nth + 3))
      case 'wait':
        await this.#clock.advance(one.ms)
        await Promise.all([this.claim('q0', 1), this.claim('q1', 1)])
        // Whether a queue that was only asked for is listed is each store's own.
        return (await inspector?.queues())?.filter(
          ({ queued, scheduled, running, dead }) => queued + scheduled + running + dead > 0,
        )
    }
  }
}

const idOf = (no: number, i: number): string => `m${String(no).padStart(3, '0')}${i}`

function settlementOf(claim: Claim, fate: number): Settlement {
  const result =
    fate % 2 === 0 ? { id: claim.id, body: `by ${fate}`, expiresIn: 60_000 } : undefined
  const outcomes: Record<number, Outcome> = {
    7: { kind: 'retry', delay: 0, body: 'again' },
    8: { kind: 'setAside', reason: 'failed', detail: 'x' },
    9: { kind: 'cancelled', reason: 'x' },
  }
  const outcome = outcomes[fate] ?? { kind: 'succeeded' }
  return { claim, outcome, ...(outcome.kind === 'retry' ? {} : { result }) }
}

it('SQLite answers as memory does', async () => {
  let runs = 0
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
      const folder = mkdtempSync(join(tmpdir(), 'taskwright-property-'))
      const stores = [
        new Store(memoryTransport({ store: `property-${++runs}` })),
        new Store(sqliteTransport({ file: join(folder, 'a.db'), thread: false })),
      ] as const
      try {
        for (const store of stores) await store.start()
        for (const [no, one] of steps.entries()) {
          const [memory, sqlite] = [await stores[0].take(one, no), await stores[1].take(one, no)]
          expect({ no, answer: sqlite }).toEqual({ no, answer: memory })
        }
      } finally {
        for (const store of stores) await store.stop()
        rmSync(folder, { recursive: true, force: true })
      }
    }),
    { numRuns: 100, seed: 42 },
  )
}, 120_000)
