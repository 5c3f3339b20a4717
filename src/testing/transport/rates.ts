import assert from 'node:assert/strict'
import type { RateRule, Rates } from '../../core/rates.ts'
import type { TransportBehaviour, TransportHarness } from './harness.ts'
import { refuses, slack } from './verbs.ts'

async function ratesOf(harness: TransportHarness): Promise<Rates> {
  const { rates } = await harness.open()
  assert.ok(rates, 'this engine says that it has rates, and has none')
  return rates
}

/** Long enough that nothing of it passes by accident. */
const per = 600_000

async function grants(
  rates: Rates,
  rule: RateRule,
  ask: { readonly times: number; readonly most?: number; readonly key?: string },
): Promise<number> {
  let granted = 0
  for (let i = 0; i < ask.times; i++) {
    const answer = await rates.take(ask.key ?? 'key', { rule, cost: 1, most: ask.most ?? 0 })
    if (answer.granted) granted++
  }
  return granted
}

const kinds = ['bucket', 'fixed', 'sliding'] as const

/** Limits of a rate. */
export const rateBehaviours: readonly TransportBehaviour[] = [
  ...kinds.map((kind): TransportBehaviour => ({
    name: `rates: ${kind}: so many go at once, and no more, in all processes together`,
    needs: 'rates',
    async run(harness) {
      const all = [await ratesOf(harness), await ratesOf(harness)]
      const rule = { kind, limit: 5, per }
      let granted = 0
      for (const rates of all) granted += await grants(rates, rule, { times: 5 })
      // A fixed window may end just now.
      assert.ok(granted === 5 || (kind === 'fixed' && granted <= 10))
      assert.equal(await grants(all[0] ?? assert.fail(), rule, { times: 1, key: 'other' }), 1)
    },
  })),
  ...kinds.map((kind): TransportBehaviour => ({
    name: `rates: ${kind}: what is granted for later is taken, one after the other`,
    needs: 'rates',
    async run(harness) {
      const rates = await ratesOf(harness)
      const ask = { rule: { kind, limit: 1, per }, cost: 1, most: Infinity }
      const waits: number[] = []
      for (let i = 0; i < 4; i++) {
        const { granted, wait } = await rates.take('key', ask)
        assert.ok(granted)
        waits.push(wait)
      }
      assert.equal(waits[0], 0)
      for (const [i, wait] of waits.entries()) {
        const most = i * per
        const least = kind === 'fixed' ? (i - 1.1) * per : most - per * 0.1
        assert.ok(wait <= most + 0.001 && wait >= Math.max(0, least), `${i}: ${wait}`)
      }
      const refused = await rates.take('key', { ...ask, most: per })
      assert.equal(refused.granted, false)
      assert.ok(refused.wait > per)
    },
  })),
  ...kinds.map((kind): TransportBehaviour => ({
    name: `rates: ${kind}: there is as much again when its time has passed`,
    needs: 'rates',
    async run(harness) {
      const rates = await ratesOf(harness)
      const rule = { kind, limit: 2, per: harness.lease }
      await grants(rates, rule, { times: 4 })
      await harness.advance(harness.lease + slack)
      assert.equal(await grants(rates, rule, { times: 2 }), 2)
    },
  })),
  {
    name: 'rates: a bucket holds its burst, and costs are counted',
    needs: 'rates',
    async run(harness) {
      const rates = await ratesOf(harness)
      const rule = { kind: 'bucket', limit: 1, per, burst: 10 } as const
      assert.ok((await rates.take('key', { rule, cost: 7, most: 0 })).granted)
      assert.equal((await rates.take('key', { rule, cost: 4, most: 0 })).granted, false)
      assert.ok((await rates.take('key', { rule, cost: 3, most: 0 })).granted)
      const never = await rates.take('key', { rule, cost: 11, most: Infinity })
      assert.deepEqual(never, { granted: false, wait: Infinity })
    },
  },
  {
    name: 'rates: a sliding limit counts costs',
    needs: 'rates',
    async run(harness) {
      const rates = await ratesOf(harness)
      const rule = { kind: 'sliding', limit: 5, per } as const
      assert.ok((await rates.take('key', { rule, cost: 3, most: 0 })).granted)
      assert.equal((await rates.take('key', { rule, cost: 3, most: 0 })).granted, false)
      assert.ok((await rates.take('key', { rule, cost: 2, most: 0 })).granted)
      assert.equal((await rates.take('key', { rule, cost: 1, most: 0 })).granted, false)
    },
  },
  {
    name: 'rates: a rule that is set holds for all, until it is lifted',
    needs: 'rates',
    async run(harness) {
      const [a, b] = [await ratesOf(harness), await ratesOf(harness)]
      const rule = { kind: 'sliding', limit: 1, per } as const
      await a.setRule('key', { ...rule, limit: 3 })
      assert.equal(await grants(b, rule, { times: 5 }), 3)
      await b.setRule('key', null)
      assert.equal(await grants(a, { ...rule, limit: 4 }, { times: 5 }), 1)
    },
  },
  {
    name: 'rates: held off, nothing goes until then',
    needs: 'rates',
    async run(harness) {
      const rates = await ratesOf(harness)
      for (const kind of kinds) {
        const rule = { kind, limit: 100, per: 1 }
        await rates.holdOff(kind, harness.lease)
        assert.equal(await grants(rates, rule, { times: 1, key: kind }), 0)
      }
      await harness.advance(harness.lease + slack)
      for (const kind of kinds)
        assert.equal(await grants(rates, { kind, limit: 100, per: 1 }, { times: 1, key: kind }), 1)
    },
  },
  {
    name: 'rates: what is no rule is refused',
    needs: 'rates',
    async run(harness) {
      const rates = await ratesOf(harness)
      for (const rule of [
        { kind: 'bucket', limit: 0, per },
        { kind: 'fixed', limit: 1, per: 0 },
        { kind: 'sliding', limit: 10_001, per },
        { kind: 'sliding', limit: 1, per, burst: 1 },
      ] as const) {
        await refuses(rates.take('key', { rule, cost: 1, most: 0 }), 'INVALID_INPUT')
        await refuses(rates.setRule('key', rule), 'INVALID_INPUT')
      }
    },
  },
]
