import assert from 'node:assert/strict'
import type { CodecBehaviour } from './behaviour.ts'
import { sampleResult, sent, stored } from './carry.ts'

/** Results, their errors, and progress. */
export const resultBehaviours: readonly CodecBehaviour[] = [
  ...(['succeeded', 'failed', 'cancelled', 'dead'] as const).map((status): CodecBehaviour => {
    return {
      name: `results: the status ${status} arrives`,
      run: (codec) => {
        const error = status === 'succeeded' ? null : { name: 'Error', message: 'why' }
        const result = sampleResult({ status, error, labels: { priority: 4, yes: true, t: 'x' } })
        assert.deepStrictEqual(codec.decodeResult(codec.encodeResult(result)), result)
      },
    }
  }),
  {
    name: 'results: undefined, the value of a void task, arrives as undefined, and null as null',
    run: (codec) => {
      assert.equal(stored(codec, { value: undefined }).value, undefined)
      assert.equal(stored(codec, { value: null }).value, null)
      const error = { name: 'Error', message: 'why' }
      assert.equal(stored(codec, { status: 'failed', value: null, error }).value, null)
    },
  },
  {
    name: 'results: an error arrives with name, message, stack, code and causes',
    run: (codec) => {
      const error = {
        name: 'Weird Näme',
        message: 'line\nbreak "quoted" \u0000',
        stack: 'Weird: …\n    at here',
        code: 'TASK_TIMEOUT',
        cause: { name: 'TypeError', message: '', cause: { name: 'A', message: 'b' } },
      }
      assert.deepStrictEqual(stored(codec, { status: 'failed', error }).error, error)
    },
  },
  {
    name: 'results: an error whose arguments cannot travel is stored all the same',
    run: (codec) => {
      const error = { name: 'Error', message: 'm', args: ['m', new Map(), () => 1, NaN] }
      const arrived = stored(codec, { status: 'failed', error }).error
      assert.equal(arrived?.name, 'Error')
      assert.equal(arrived.message, 'm')
      assert.equal(arrived.args?.length, 4)
    },
  },
  {
    name: 'results: labels that a message had are carried, whatever their type',
    run: (codec) => {
      const labels = sent(codec, { labels: { big: 2n ** 70n, odd: NaN, far: Infinity } }).labels
      const big = stored(codec, { labels }).labels['big']
      assert.equal(big, codec.capabilities.anyInteger ? 2n ** 70n : String(2n ** 70n))
    },
  },
  {
    name: 'results: an error is stored whatever its text holds',
    run: (codec) => {
      const error = { name: 'E', message: 'half \ud800', args: ['half \ud800', 2n ** 70n] }
      const arrived = stored(codec, { status: 'failed', error }).error
      assert.ok(arrived?.message.startsWith('half ') && arrived.args?.length === 2)
    },
  },
  {
    name: 'progress: state and meta arrive',
    run: (codec) => {
      for (const progress of [
        { state: 'STARTED', meta: null },
        { state: 'half "way"', meta: { percent: 50 } },
      ]) {
        assert.deepStrictEqual(codec.decodeProgress(codec.encodeProgress(progress)), progress)
      }
    },
  },
]
