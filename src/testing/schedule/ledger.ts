import assert from 'node:assert/strict'
import type { Adoption, Fire, FireLedger, FireState } from '../../core/fire-ledger.ts'
import type { OpenTransport } from '../../core/vendor.ts'
import type { TransportBehaviour, TransportHarness } from '../transport/harness.ts'
import { plannedRunBehaviours } from './runs.ts'
import { longLease, look, message, waitFor } from '../transport/verbs.ts'

interface Opened extends OpenTransport {
  readonly ledger: FireLedger
}

async function open(harness: TransportHarness): Promise<Opened> {
  const opened = await harness.open()
  const { ledger } = opened
  assert.ok(ledger, 'this engine says that it keeps fires, and has no ledger')
  return { ...opened, ledger }
}

/** A plan whose slots begin now; the slots themselves lie in the past, so that no test has to wait. */
function adoption(harness: TransportHarness, more: Partial<Adoption> = {}): Adoption {
  const mark = Math.floor(harness.now()) - 100_000
  return { id: harness.id(), print: 'p', mark, anchor: mark, ...more }
}

async function adopted(ledger: FireLedger, plan: Adoption): Promise<FireState> {
  const [state] = await ledger.adopt([plan])
  assert.ok(state)
  return state
}

/** The fire of a slot, so many seconds after the plan's mark. */
function fire(
  harness: TransportHarness,
  plan: Adoption,
  of: number | (Partial<Fire> & { readonly step: number }),
): Fire {
  const { step, ...more } = typeof of === 'number' ? { step: of } : of
  const envelope = message(harness, { body: `slot ${step}` })
  return { id: plan.id, slot: plan.mark + step * 1000, envelope, missed: 0, ...more }
}

async function stateOf(ledger: FireLedger, { id }: Adoption): Promise<FireState> {
  const [state] = await ledger.states([id])
  assert.ok(state)
  return state
}

async function bodies({ transport }: OpenTransport, harness: TransportHarness): Promise<unknown[]> {
  return (await look(harness, transport, { room: 100 })).map(({ body }) => body)
}

/** Which slots of plans were decided: see `FireLedger`. */
export const ledgerBehaviours: readonly TransportBehaviour[] = [
  {
    name: 'adopt: a plan is new once, and its state is the same for all',
    async run(harness) {
      const [a, b] = [await open(harness), await open(harness)]
      const plan = adoption(harness)
      const state = await adopted(a.ledger, plan)
      assert.deepEqual(state, {
        mark: plan.mark,
        anchor: plan.anchor,
        last: null,
        message: null,
        waiting: null,
        fired: 0,
        missed: 0,
        skipped: 0,
        paused: false,
        lag: 0,
      })
      const later = { ...plan, mark: plan.mark + 500, anchor: plan.anchor + 500 }
      assert.deepEqual(await b.ledger.adopt([later, adoption(harness)]).then(([s]) => s), state)
      assert.deepEqual(await stateOf(b.ledger, plan), state)
      assert.deepEqual(await a.ledger.states([harness.id()]), [null])
    },
  },
  {
    name: 'adopt: a plan that is due at other times begins anew, its counts stay',
    async run(harness) {
      const { ledger } = await open(harness)
      const plan = adoption(harness)
      await adopted(ledger, plan)
      assert.deepEqual(await ledger.fire([fire(harness, plan, 1)]), ['fired'])
      const other = { ...plan, print: 'q', mark: plan.mark + 50_000, anchor: plan.mark + 40_000 }
      const state = await adopted(ledger, other)
      assert.equal(state.mark, other.mark)
      assert.equal(state.anchor, other.anchor)
      assert.equal(state.fired, 1)
      assert.deepEqual(await ledger.fire([fire(harness, plan, 2)]), ['decided'])
    },
  },
  {
    name: 'fire: stores the message and marks the slot, once for all who ask',
    async run(harness) {
      const [a, b] = [await open(harness), await open(harness)]
      const plan = adoption(harness)
      await adopted(a.ledger, plan)
      const first = fire(harness, plan, 1)
      assert.deepEqual(await a.ledger.fire([first]), ['fired'])
      assert.deepEqual(await b.ledger.fire([first]), ['decided'])
      // Whoever made another message of the same slot is refused as well.
      assert.deepEqual(await b.ledger.fire([fire(harness, plan, 1)]), ['decided'])
      const state = await stateOf(b.ledger, plan)
      assert.equal(state.mark, first.slot)
      assert.equal(state.last, first.slot)
      assert.equal(state.message, first.envelope?.id)
      assert.equal(state.fired, 1)
      assert.ok(state.lag >= 0)
      assert.deepEqual(await bodies(a, harness), ['slot 1'])
    },
  },
  {
    name: 'fire: a slot is decided for ever, also when its message has ended and its result is gone',
    async run(harness) {
      const opened = await open(harness)
      const { ledger, transport } = opened
      const plan = adoption(harness)
      await adopted(ledger, plan)
      const first = fire(harness, plan, 1)
      await ledger.fire([first])
      const claims = await look(harness, transport)
      await transport.settle(
        claims.map((held) => ({ claim: held, outcome: { kind: 'succeeded' } })),
      )
      assert.deepEqual(await ledger.fire([first]), ['decided'])
      assert.deepEqual(await bodies(opened, harness), [])
    },
  },
  {
    name: 'fire: slots of one call are decided in order, each for itself',
    async run(harness) {
      const opened = await open(harness)
      const { ledger } = opened
      const [plan, other] = [adoption(harness), adoption(harness)]
      await ledger.adopt([plan, other])
      const answers = await ledger.fire([
        fire(harness, plan, 2),
        fire(harness, plan, 1),
        fire(harness, other, 1),
        fire(harness, adoption(harness), 1),
        fire(harness, plan, 3),
      ])
      assert.deepEqual(answers, ['fired', 'decided', 'fired', 'unknown', 'fired'])
      assert.deepEqual(await bodies(opened, harness), ['slot 2', 'slot 1', 'slot 3'])
    },
  },
  {
    name: 'fire: of many that ask at once for the same slots, each slot is fired once',
    async run(harness) {
      const all = [await open(harness), await open(harness), await open(harness)]
      const plan = adoption(harness)
      await Promise.all(all.map(({ ledger }) => ledger.adopt([plan])))
      for (let step = 1; step <= 10; step++) {
        const told = await Promise.all(
          all.map(({ ledger }) => ledger.fire([fire(harness, plan, step)])),
        )
        assert.deepEqual(told.flat().sort(), ['decided', 'decided', 'fired'])
      }
      assert.equal((await stateOf(all[0]?.ledger ?? assert.fail(), plan)).fired, 10)
    },
  },
  {
    name: 'fire: not before its time',
    async run(harness) {
      const opened = await open(harness)
      const plan = adoption(harness)
      await adopted(opened.ledger, plan)
      const tomorrow = fire(harness, plan, 86_400)
      assert.deepEqual(await opened.ledger.fire([tomorrow]), ['early'])
      assert.equal((await stateOf(opened.ledger, plan)).mark, plan.mark)
      assert.deepEqual(await bodies(opened, harness), [])
    },
  },
  {
    name: 'fire: a slot without a message is passed over and counted, with those before it',
    async run(harness) {
      const { ledger } = await open(harness)
      const plan = adoption(harness)
      await adopted(ledger, plan)
      const answers = await ledger.fire([
        fire(harness, plan, { step: 4, envelope: null, missed: 3 }),
        fire(harness, plan, { step: 6, missed: 1 }),
      ])
      assert.deepEqual(answers, ['passed', 'fired'])
      const { missed, fired, mark } = await stateOf(ledger, plan)
      assert.deepEqual([missed, fired, mark], [5, 1, plan.mark + 6000])
    },
  },
  {
    name: 'fire: no more messages than the limit',
    async run(harness) {
      const opened = await open(harness)
      const plan = adoption(harness)
      await adopted(opened.ledger, plan)
      const fires = [1, 2, 3].map((step) => fire(harness, plan, { step: step, limit: 2 }))
      assert.deepEqual(await opened.ledger.fire(fires), ['fired', 'fired', 'ended'])
      assert.deepEqual(await bodies(opened, harness), ['slot 1', 'slot 2'])
      assert.equal((await stateOf(opened.ledger, plan)).fired, 2)
    },
  },
  {
    name: 'overlap: skip leaves out what comes before the last message has ended',
    async run(harness) {
      const { ledger, transport } = await open(harness)
      const plan = adoption(harness)
      await adopted(ledger, plan)
      const skip = { overlap: 'skip' } as const
      assert.deepEqual(await ledger.fire([fire(harness, plan, { step: 1, ...skip })]), ['fired'])
      assert.deepEqual(await ledger.fire([fire(harness, plan, { step: 2, ...skip })]), ['skipped'])
      const claims = await look(harness, transport)
      assert.deepEqual(await ledger.fire([fire(harness, plan, { step: 3, ...skip })]), ['skipped'])
      const [held] = claims
      assert.ok(held)
      // Between two tries it has not ended either.
      await transport.settle([
        { claim: held, outcome: { kind: 'retry', delay: 60_000, body: 'again' } },
      ])
      assert.deepEqual(await ledger.fire([fire(harness, plan, { step: 4, ...skip })]), ['skipped'])
      const [again] = await look(harness, transport, { early: true })
      assert.ok(again)
      await transport.settle([{ claim: again, outcome: { kind: 'succeeded' } }])
      assert.deepEqual(await ledger.fire([fire(harness, plan, { step: 5, ...skip })]), ['fired'])
      const { fired, skipped } = await stateOf(ledger, plan)
      assert.deepEqual([fired, skipped], [2, 3])
    },
  },
  {
    name: 'overlap: queue-one lets one wait, and releases it when the last message has ended',
    async run(harness) {
      const opened = await open(harness)
      const { ledger, transport } = opened
      const plan = adoption(harness)
      await adopted(ledger, plan)
      const one = { overlap: 'queue-one' } as const
      const fires = [1, 2, 3].map((step) => fire(harness, plan, { step: step, ...one }))
      assert.deepEqual(await ledger.fire(fires), ['fired', 'waits', 'skipped'])
      const second = fire(harness, plan, { step: 2, ...one, release: true })
      assert.equal((await stateOf(ledger, plan)).waiting, second.slot)
      assert.deepEqual(await ledger.fire([second]), ['waits'])
      const [held] = await look(harness, transport)
      assert.ok(held)
      await transport.settle([
        { claim: held, outcome: { kind: 'setAside', reason: 'failed', detail: 'x' } },
      ])
      assert.deepEqual(await ledger.fire([second, second]), ['fired', 'decided'])
      const { waiting, last, mark, fired, skipped } = await stateOf(ledger, plan)
      assert.deepEqual([waiting, last, mark], [null, second.slot, plan.mark + 3000])
      assert.deepEqual([fired, skipped], [2, 1])
      assert.deepEqual(await bodies(opened, harness), ['slot 2'])
    },
  },
  {
    name: 'pause: slots are left out until it goes on, and those of the pause stay out',
    async run(harness) {
      const [a, b] = [await open(harness), await open(harness)]
      const plan = adoption(harness)
      await adopted(a.ledger, plan)
      assert.deepEqual(await b.ledger.pause([plan.id, harness.id()], true), [plan.id])
      assert.deepEqual(await a.ledger.fire([fire(harness, plan, { step: 1, missed: 2 })]), [
        'paused',
      ])
      const state = await stateOf(a.ledger, plan)
      assert.deepEqual([state.paused, state.skipped, state.missed], [true, 3, 0])
      assert.deepEqual(await b.ledger.pause([plan.id], false), [plan.id])
      assert.deepEqual(await b.ledger.pause([plan.id], false), [plan.id])
      assert.deepEqual(await a.ledger.fire([fire(harness, plan, 2)]), ['decided'])
      assert.equal((await stateOf(a.ledger, plan)).paused, false)
      assert.deepEqual(await bodies(a, harness), [])
    },
  },
  {
    name: 'pause: what waits for a last message is left out as well',
    async run(harness) {
      const { ledger } = await open(harness)
      const plan = adoption(harness)
      await adopted(ledger, plan)
      const one = { overlap: 'queue-one' } as const
      await ledger.fire([
        fire(harness, plan, { step: 1, ...one }),
        fire(harness, plan, { step: 2, ...one }),
      ])
      await ledger.pause([plan.id], true)
      const release = fire(harness, plan, { step: 2, ...one, release: true })
      assert.deepEqual(await ledger.fire([release, release]), ['paused', 'decided'])
      assert.equal((await stateOf(ledger, plan)).waiting, null)
    },
  },
  {
    name: 'forget: a plan that is gone fires nothing, until it is made anew',
    async run(harness) {
      const [a, b] = [await open(harness), await open(harness)]
      const plan = adoption(harness)
      await adopted(a.ledger, plan)
      await b.ledger.forget([plan.id, harness.id()])
      assert.deepEqual(await a.ledger.fire([fire(harness, plan, 1)]), ['unknown'])
      assert.deepEqual(await a.ledger.pause([plan.id], true), [])
      await a.ledger.adopt([plan])
      assert.deepEqual(await a.ledger.fire([fire(harness, plan, 1)]), ['fired'])
      await a.ledger.forget([plan.id])
      const later = { ...plan, mark: plan.mark + 5000 }
      await b.ledger.adopt([later])
      assert.deepEqual(await a.ledger.fire([fire(harness, plan, 3)]), ['decided'])
      await b.ledger.forget([plan.id])
      const again = await adopted(b.ledger, plan)
      assert.equal(again.mark, later.mark, 'what was decided before it was gone stays decided')
      await a.ledger.adopt([{ ...plan, print: 'at other times' }])
      assert.deepEqual(await a.ledger.fire([fire(harness, plan, 3)]), ['fired'])
    },
  },
  {
    name: 'fire: a full queue takes none, and the slot stays to be decided',
    needs: 'caps',
    async run(harness) {
      const opened = await open(harness)
      const { ledger, transport } = opened
      await transport.configureQueues({ [harness.queue]: { cap: 1 } })
      const plan = adoption(harness)
      await adopted(ledger, plan)
      const second = fire(harness, plan, 2)
      assert.deepEqual(await ledger.fire([fire(harness, plan, 1), second]), ['fired', 'full'])
      assert.equal((await stateOf(ledger, plan)).mark, plan.mark + 1000)
      assert.deepEqual(await bodies(opened, harness), ['slot 1'])
      assert.deepEqual(await ledger.fire([second]), ['fired'])
    },
  },
  {
    name: 'fire: a waiting receive hears of it',
    async run(harness) {
      const { ledger, transport } = await open(harness)
      const plan = adoption(harness)
      await adopted(ledger, plan)
      const received = waitFor(harness, transport)
      await ledger.fire([fire(harness, plan, 1)])
      const [delivery] = await received
      assert.equal(delivery?.body, 'slot 1')
    },
  },
  {
    name: 'fire: a message that gives way to another one of its unique key is left out',
    needs: 'unique',
    async run(harness) {
      const opened = await open(harness)
      const { ledger } = opened
      const plan = adoption(harness)
      await adopted(ledger, plan)
      const fires = [1, 2].map((step) => {
        const made = fire(harness, plan, step)
        const unique = { key: 'one', while: 'queued', onConflict: 'keep' } as const
        return { ...made, envelope: made.envelope && { ...made.envelope, unique } }
      })
      assert.deepEqual(await ledger.fire(fires), ['fired', 'skipped'])
      const { fired, skipped, last, message } = await stateOf(ledger, plan)
      assert.deepEqual([fired, skipped], [1, 1])
      assert.deepEqual([last, message], [fires[0]?.slot, fires[0]?.envelope?.id])
      assert.deepEqual(await bodies(opened, harness), ['slot 1'])
    },
  },
  {
    name: 'lead: one of a group leads until its lease ends or it resigns',
    async run(harness) {
      const [a, b] = [await open(harness), await open(harness)]
      const group = harness.id()
      const bid = (holder: string, lease = longLease) => ({
        group,
        holder,
        lease,
        report: `of ${holder}`,
      })
      const first = await a.ledger.lead(bid('a'))
      assert.equal(first.holder, 'a')
      assert.ok(first.until > (await a.ledger.now()))
      const refused = await b.ledger.lead(bid('b'))
      assert.deepEqual([refused.holder, refused.report], ['a', 'of a'])
      assert.equal((await b.ledger.lead({ ...bid('b'), group: `${group}2` })).holder, 'b')
      await b.ledger.resign(group, 'b')
      assert.equal((await b.ledger.lead(bid('b'))).holder, 'a')
      assert.equal((await a.ledger.lead({ ...bid('a'), report: 'news' })).report, 'news')
      await a.ledger.resign(group, 'a')
      assert.equal((await b.ledger.lead(bid('b', harness.lease))).holder, 'b')
      await harness.advance(harness.lease + 50)
      assert.equal((await a.ledger.lead(bid('a'))).holder, 'a')
      const led = (await b.ledger.leaders()).filter((each) => each.group.startsWith(group))
      assert.deepEqual(led.map(({ holder, report }) => `${holder}: ${report}`).sort(), [
        'a: of a',
        'b: of b',
      ])
    },
  },
  ...plannedRunBehaviours,
]
