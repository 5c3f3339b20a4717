import assert from 'node:assert/strict'
import type { Transport } from '../../core/transport.ts'
import type { TransportBehaviour, TransportHarness } from './harness.ts'
import {
  end,
  idsOf,
  longLease,
  look,
  message,
  post,
  refuses,
  succeeded,
  take,
  waitFor,
} from './verbs.ts'

async function refusesAll(harness: TransportHarness, transport: Transport): Promise<void> {
  const claim = { id: harness.id(), queue: harness.queue, token: 1 }
  const calls = [
    () => transport.send([message(harness)]),
    () => look(harness, transport),
    () => transport.settle([{ claim, outcome: succeeded }]),
    () => transport.extend([claim], longLease),
    () => transport.recover([], longLease),
    () => transport.release([claim]),
    () => transport.cancel([claim.id], { reason: 'why', lease: longLease }),
    ...(transport.capabilities.caps ? [() => transport.configureQueues({})] : []),
  ]
  for (const call of calls) await refuses(call(), 'NOT_STARTED')
}

/** Starting and stopping. */
export const lifeCycleBehaviours: readonly TransportBehaviour[] = [
  {
    name: 'life cycle: starts once, however often and however many at a time',
    async run(harness) {
      const { transport } = harness.create()
      await Promise.all([transport.start(), transport.start(), transport.start()])
      await transport.start()
      await post(harness, transport)
      await take(harness, transport)
    },
  },
  {
    name: 'life cycle: several instances may start on one store at a time',
    async run(harness) {
      const several = [harness.create(), harness.create(), harness.create()]
      await Promise.all(several.map(({ transport }) => transport.start()))
      for (const { transport } of several) await post(harness, transport)
      const [first] = several
      assert.ok(first)
      assert.equal((await look(harness, first.transport)).length, 3)
    },
  },
  {
    name: 'life cycle: stops once, however often, also before it was started',
    async run(harness) {
      const { transport, results } = harness.create()
      await transport.stop()
      await results.stop()
      const started = await harness.open()
      await Promise.all([started.transport.stop(), started.transport.stop()])
      await started.transport.stop()
    },
  },
  {
    name: 'life cycle: refuses every call before the start and after the stop',
    async run(harness) {
      const { transport } = harness.create()
      await refusesAll(harness, transport)
      const started = await harness.open()
      await started.transport.stop()
      await refusesAll(harness, started.transport)
    },
  },
  {
    name: 'life cycle: stopping ends waiting receives with nothing, and nothing is lost',
    async run(harness) {
      const [a, b] = [await harness.open(), await harness.open()]
      const waiting = [waitFor(harness, a.transport), waitFor(harness, a.transport)]
      await a.transport.stop()
      assert.deepEqual(await Promise.all(waiting), [[], []])
      const sent = await post(harness, b.transport)
      assert.equal((await take(harness, b.transport)).id, sent.id)
    },
  },
  {
    name: 'life cycle: stopping finishes the calls under way',
    async run(harness) {
      const [a, b] = [await harness.open(), await harness.open()]
      const sent = message(harness)
      const sending = a.transport.send([sent])
      await a.transport.stop()
      assert.deepEqual(await sending, ['stored'])
      assert.equal((await take(harness, b.transport)).id, sent.id)
    },
  },
  {
    name: 'life cycle: an instance that stops leaves the others and the messages alone',
    async run(harness) {
      const [a, b] = [await harness.open(), await harness.open()]
      const sent = await post(harness, a.transport)
      const waiting = waitFor(harness, b.transport, { queues: [`${harness.queue}-other`] })
      await a.transport.stop()
      const delivery = await take(harness, b.transport)
      assert.equal(delivery.id, sent.id)
      const followUps = [message(harness, { queue: `${harness.queue}-other` })]
      assert.equal(await end(b.transport, delivery, { followUps }), 'settled')
      assert.deepEqual(idsOf(await waiting), idsOf(followUps))
    },
  },
  {
    name: 'life cycle: instances of one store have one identity, results included',
    async run(harness) {
      const [a, b] = [await harness.open(), await harness.open()]
      assert.equal(a.transport.store, b.transport.store)
      assert.equal(a.results.store, a.transport.store)
      assert.deepEqual(a.transport.capabilities, harness.capabilities)
    },
  },
]
