import assert from 'node:assert/strict'
import type { Claim } from '../core/delivery.ts'
import type { Body } from '../core/message.ts'
import type { ResultBackend } from '../core/result-backend.ts'
import type { StoredResult } from '../core/result.ts'
import type { Transport } from '../core/transport.ts'

/** An instance of a result backend, with the transport on its store where there is one. */
export interface OpenResults {
  readonly results: ResultBackend
  /** Started. Without it, what is written by `settle` and fenced by claims is left out. */
  readonly transport?: Transport | undefined
}

/** What the author of a result backend provides: a fresh one for each behaviour. */
export interface ResultBackendHarness {
  /** Milliseconds after which short-lived results expire; see `TransportHarness.lease`. */
  readonly expiry: number
  /** A new instance on the harness's one store, its results not started. */
  readonly create: () => Promise<OpenResults>
  /** The same with its results started. */
  readonly open: () => Promise<OpenResults>
  /** Lets at least so many milliseconds pass for the engine, by a virtual clock or by waiting. */
  readonly advance: (ms: number) => Promise<void>
  /** An id that nobody has used. */
  readonly id: () => string
}

/** One promise of the contract, as a test that fails when it is broken. */
export interface ResultBackendBehaviour {
  readonly name: string
  readonly run: (harness: ResultBackendHarness) => Promise<void>
}

const longExpiry = 600_000
/** What is added to a wait so that a timer that fires early does not matter. */
const slack = 20
const never = new AbortController().signal

function result(id: string, body: Body = 'body', expiresIn: number = longExpiry): StoredResult {
  return { id, body, expiresIn }
}

/** Sends and claims one message. */
async function claimed(harness: ResultBackendHarness, transport: Transport): Promise<Claim> {
  const queue = `results-${harness.id()}`
  await transport.send([{ id: harness.id(), queue, priority: 4, body: 'message' }])
  const ask = { queues: [queue], room: 1, lease: longExpiry, signal: never, wait: 0 }
  const [delivery] = await transport.receive(ask)
  assert.ok(delivery)
  return delivery
}

async function refusesAll(harness: ResultBackendHarness, results: ResultBackend): Promise<void> {
  const id = harness.id()
  const claim = { id, queue: 'queue', token: 1 }
  const calls = [
    () => results.save([result(id)]),
    () => results.get([id]),
    () => results.wait(id, { signal: never }),
    () => results.delete([id]),
    () => results.saveProgress(claim, 'half', longExpiry),
    () => results.getProgress([id]),
  ]
  for (const call of calls) await assert.rejects(call(), { code: 'NOT_STARTED' })
}

const saving: readonly ResultBackendBehaviour[] = [
  {
    name: 'results: are kept as they are and read in the order asked for, with null for none',
    async run(harness) {
      const { results } = await harness.open()
      const [a, b, missing] = [harness.id(), harness.id(), harness.id()]
      const bytes = Uint8Array.of(0, 255, 128)
      await results.save([result(a, 'ü😀\u0000"'), result(b, bytes)])
      const [second, none, first] = await results.get([b, missing, a])
      assert.ok(second instanceof Uint8Array)
      assert.deepEqual([[...second], none, first], [[0, 255, 128], null, 'ü😀\u0000"'])
      assert.deepEqual(await results.get([]), [])
      assert.deepEqual(await results.save([]), [])
    },
  },
  {
    name: 'results: an empty text is a result',
    async run(harness) {
      const { results } = await harness.open()
      const id = harness.id()
      await results.save([result(id, '')])
      assert.deepEqual(await results.get([id]), [''])
      assert.equal(await results.wait(id, { signal: never }), '')
      assert.deepEqual(await results.save([result(id, 'late')]), [''])
    },
  },
  {
    name: 'results: the first writer wins, and every writer is told what is stored',
    async run(harness) {
      const [a, b] = [await harness.open(), await harness.open()]
      const [id, other] = [harness.id(), harness.id()]
      assert.deepEqual(await a.results.save([result(id, 'first')]), ['first'])
      const answers = await b.results.save([result(other, 'x'), result(id, 'second')])
      assert.deepEqual(answers, ['x', 'first'])
      assert.deepEqual(await a.results.get([id]), ['first'])
      assert.deepEqual(await a.results.save([result(id, 'first')]), ['first'])
    },
  },
  {
    name: 'results: of one id twice in a batch the first stays',
    async run(harness) {
      const { results } = await harness.open()
      const id = harness.id()
      assert.deepEqual(await results.save([result(id, 'a'), result(id, 'b')]), ['a', 'a'])
    },
  },
  {
    name: 'results: of many writers at a time one wins, and all are told the same',
    async run(harness) {
      const [a, b] = [await harness.open(), await harness.open()]
      const id = harness.id()
      const saves = Array.from({ length: 10 }, (_, i) =>
        (i % 2 ? a : b).results.save([result(id, String(i))]),
      )
      const told = new Set((await Promise.all(saves)).flat())
      assert.equal(told.size, 1)
      assert.deepEqual(await a.results.get([id]), [...told])
    },
  },
  {
    name: 'results: expire, and may then be written again',
    async run(harness) {
      const { results } = await harness.open()
      const [short, long] = [harness.id(), harness.id()]
      await results.save([result(short, 'short', harness.expiry), result(long, 'long')])
      assert.deepEqual(await results.get([short, long]), ['short', 'long'])
      await harness.advance(harness.expiry + slack)
      assert.deepEqual(await results.get([short, long]), [null, 'long'])
      assert.equal(await results.delete([short]), 0)
      assert.deepEqual(await results.save([result(short, 'new')]), ['new'])
      assert.deepEqual(await results.get([short]), ['new'])
    },
  },
  {
    name: 'results: a second writer does not lengthen the life of the first result',
    async run(harness) {
      const { results } = await harness.open()
      const id = harness.id()
      await results.save([result(id, 'first', harness.expiry)])
      await results.save([result(id, 'second')])
      await harness.advance(harness.expiry + slack)
      assert.deepEqual(await results.get([id]), [null])
    },
  },
  {
    name: 'results: many that expire leave those that do not',
    async run(harness) {
      const { results } = await harness.open()
      const ids = Array.from({ length: 200 }, () => harness.id())
      const kept = ids.filter((_, i) => i % 10 === 0)
      const batch = ids.map((id, i) => result(id, id, i % 10 === 0 ? longExpiry : harness.expiry))
      await results.save(batch)
      await harness.advance(harness.expiry + slack)
      await results.save(Array.from({ length: 200 }, () => result(harness.id())))
      assert.deepEqual(
        (await results.get(ids)).filter((body) => body !== null),
        kept,
      )
    },
  },
  {
    name: 'results: deleting counts what there was, and the id is free again',
    async run(harness) {
      const { results } = await harness.open()
      const [a, b, missing] = [harness.id(), harness.id(), harness.id()]
      await results.save([result(a), result(b)])
      assert.equal(await results.delete([a, missing, b]), 2)
      assert.equal(await results.delete([a]), 0)
      assert.equal(await results.delete([]), 0)
      assert.deepEqual(await results.get([a, b]), [null, null])
      assert.deepEqual(await results.save([result(a, 'new')]), ['new'])
    },
  },
]

const waits: readonly ResultBackendBehaviour[] = [
  {
    name: 'waits: resolve at once when the result is there already',
    async run(harness) {
      const { results } = await harness.open()
      const id = harness.id()
      await results.save([result(id, 'early')])
      assert.equal(await results.wait(id, { signal: never }), 'early')
    },
  },
  {
    name: 'waits: resolve when the result is saved, also by another instance',
    async run(harness) {
      const [a, b] = [await harness.open(), await harness.open()]
      const [own, foreign] = [harness.id(), harness.id()]
      const waiting = [own, foreign].map((id) => a.results.wait(id, { signal: never }))
      await harness.advance(1)
      await a.results.save([result(own, 'own')])
      await b.results.save([result(foreign, 'foreign')])
      assert.deepEqual(await Promise.all(waiting), ['own', 'foreign'])
    },
  },
  {
    name: 'waits: resolve when the result is stored by a settle of another instance',
    async run(harness) {
      const [a, b] = [await harness.open(), await harness.open()]
      if (b.transport?.capabilities.atomicResults !== true) return
      const claim = await claimed(harness, b.transport)
      const waiting = a.results.wait(claim.id, { signal: never })
      await harness.advance(1)
      const outcome = { kind: 'succeeded' } as const
      await b.transport.settle([{ claim, outcome, result: result(claim.id, 'settled') }])
      assert.equal(await waiting, 'settled')
    },
  },
  {
    name: 'waits: give the result that won',
    async run(harness) {
      const { results } = await harness.open()
      const id = harness.id()
      const waiting = results.wait(id, { signal: never })
      await results.save([result(id, 'first')])
      await results.save([result(id, 'second')])
      assert.equal(await waiting, 'first')
    },
  },
  {
    name: 'waits: reject with the reason of the signal, and leave other waits alone',
    async run(harness) {
      const { results } = await harness.open()
      const id = harness.id()
      const stop = new AbortController()
      const [first, second] = [
        results.wait(id, { signal: stop.signal }),
        results.wait(id, { signal: never }),
      ]
      const reason = new Error('no patience')
      stop.abort(reason)
      await assert.rejects(first, (error) => error === reason)
      await assert.rejects(results.wait(id, { signal: stop.signal }), (error) => error === reason)
      await results.save([result(id, 'late')])
      assert.equal(await second, 'late')
    },
  },
  {
    name: 'waits: a thousand at a time, each with its own result',
    async run(harness) {
      const [a, b] = [await harness.open(), await harness.open()]
      const ids = Array.from({ length: 1_000 }, () => harness.id())
      const waiting = ids.map((id) => a.results.wait(id, { signal: never }))
      for (let i = 0; i < ids.length; i += 100) {
        await b.results.save(ids.slice(i, i + 100).map((id) => result(id, `of ${id}`)))
      }
      assert.deepEqual(
        await Promise.all(waiting),
        ids.map((id) => `of ${id}`),
      )
    },
  },
  {
    name: 'waits: end when the backend stops',
    async run(harness) {
      const { results } = await harness.open()
      const waiting = results.wait(harness.id(), { signal: never })
      const ended = assert.rejects(waiting, { code: 'NOT_STARTED' })
      await results.stop()
      await ended
    },
  },
]

const progress: readonly ResultBackendBehaviour[] = [
  {
    name: 'progress: the last one is read, for each id in order',
    async run(harness) {
      const { results, transport } = await harness.open()
      if (transport === undefined) return
      const [a, b] = [await claimed(harness, transport), await claimed(harness, transport)]
      assert.equal(await results.saveProgress(a, 'one', longExpiry), true)
      assert.equal(await results.saveProgress(a, 'two', longExpiry), true)
      assert.equal(await results.saveProgress(b, Uint8Array.of(7), longExpiry), true)
      const [first, none, second] = await results.getProgress([a.id, harness.id(), b.id])
      assert.ok(second instanceof Uint8Array)
      assert.deepEqual([first, none, [...second]], ['two', null, [7]])
      assert.deepEqual(await results.get([a.id]), [null])
    },
  },
  {
    name: 'progress: a claim that is over writes nothing',
    async run(harness) {
      const { results, transport } = await harness.open()
      if (transport === undefined || transport.store !== results.store) return
      const claim = await claimed(harness, transport)
      await results.saveProgress(claim, 'mine', longExpiry)
      await transport.release([claim])
      assert.equal(await results.saveProgress(claim, 'late', longExpiry), false)
      const queues = [claim.queue]
      const ask = { queues, room: 1, lease: longExpiry, signal: never, wait: 0 }
      const [current] = await transport.receive(ask)
      assert.ok(current)
      assert.equal(await results.saveProgress(claim, 'late', longExpiry), false)
      assert.deepEqual(await results.getProgress([claim.id]), ['mine'])
      assert.equal(await results.saveProgress(current, 'current', longExpiry), true)
      await transport.settle([{ claim: current, outcome: { kind: 'succeeded' } }])
      assert.equal(await results.saveProgress(current, 'late', longExpiry), false)
    },
  },
  {
    name: 'progress: expires by itself, and is deleted with the result',
    async run(harness) {
      const { results, transport } = await harness.open()
      if (transport === undefined) return
      const [a, b] = [await claimed(harness, transport), await claimed(harness, transport)]
      await results.saveProgress(a, 'short', harness.expiry)
      await results.saveProgress(b, 'long', longExpiry)
      await harness.advance(harness.expiry + slack)
      assert.deepEqual(await results.getProgress([a.id, b.id]), [null, 'long'])
      await results.delete([b.id])
      assert.deepEqual(await results.getProgress([b.id]), [null])
    },
  },
]

const lifeCycle: readonly ResultBackendBehaviour[] = [
  {
    name: 'life cycle: starts and stops any number of times, also stops before the start',
    async run(harness) {
      const { results } = await harness.create()
      await results.stop()
      const started = await harness.open()
      await Promise.all([started.results.start(), started.results.start()])
      await started.results.save([result(harness.id())])
      await Promise.all([started.results.stop(), started.results.stop()])
    },
  },
  {
    name: 'life cycle: refuses every call before the start and after the stop',
    async run(harness) {
      const { results } = await harness.create()
      await refusesAll(harness, results)
      const started = await harness.open()
      await started.results.stop()
      await refusesAll(harness, started.results)
    },
  },
  {
    name: 'life cycle: results are there for other instances after the stop of the first',
    async run(harness) {
      const [a, b] = [await harness.open(), await harness.open()]
      const id = harness.id()
      const waiting = b.results.wait(harness.id(), { signal: AbortSignal.abort('over') })
      await assert.rejects(waiting, (reason) => reason === 'over')
      await a.results.save([result(id)])
      await a.results.stop()
      assert.deepEqual(await b.results.get([id]), ['body'])
    },
  },
]

/**
 * What every {@link ResultBackend} promises, as data for any test runner. Used as
 * `transportBehaviours`.
 */
export const resultBackendBehaviours: readonly ResultBackendBehaviour[] = [
  ...saving,
  ...waits,
  ...progress,
  ...lifeCycle,
]
