import assert from 'node:assert/strict'
import type { Codec } from '../../core/codec.ts'
import type { CodecBehaviour } from './behaviour.ts'
import { refuses, sent, stored } from './carry.ts'
import { plainCells, refusedCells, richCells } from './cells.ts'

/** Every place of the contract in which data of the user's travels. */
function places(codec: Codec): readonly (readonly [string, (value: unknown) => unknown])[] {
  return [
    ['args', (value) => sent(codec, { args: [value] }).args[0]],
    ['kwargs', (value) => sent(codec, { kwargs: { key: value } }).kwargs['key']],
    ['a nested place', (value) => deepest(sent(codec, { args: [{ a: [{ b: value }] }] }).args[0])],
    ['a result', (value) => stored(codec, { value }).value],
    [
      'progress',
      (meta) => codec.decodeProgress(codec.encodeProgress({ state: 'HALF', meta })).meta,
    ],
  ]
}

function deepest(value: unknown): unknown {
  let inner = value
  for (const step of ['a', 0, 'b'] as const) {
    assert.ok(typeof inner === 'object' && inner !== null)
    inner = Object.getOwnPropertyDescriptor(inner, step)?.value
  }
  return inner
}

/** Refused in every place, with an error that says where. */
function isRefused(codec: Codec, value: () => unknown): void {
  const inArgs = refuses('DATA_NOT_PLAIN', () => sent(codec, { args: [{ when: value() }] }))
  assert.ok(inArgs.includes('args[0].when'), inArgs)
  const inKwargs = refuses('DATA_NOT_PLAIN', () => sent(codec, { kwargs: { a: [value()] } }))
  assert.ok(inKwargs.includes('kwargs.a[0]'), inKwargs)
  for (const [, carry] of places(codec)) refuses('DATA_NOT_PLAIN', () => carry(value()))
}

/** The data table, cell by cell. */
export const dataBehaviours: readonly CodecBehaviour[] = [
  ...plainCells.map(({ name, value, needs, arrives }): CodecBehaviour => {
    const otherwise =
      needs === undefined ? '' : ', or is refused where the format has no word for it'
    return {
      name: `data: ${name} arrives as ${arrives === undefined ? 'itself' : arrives.as}${otherwise}`,
      run: (codec) => {
        if (needs !== undefined && !codec.capabilities[needs]) return isRefused(codec, value)
        for (const [place, carry] of places(codec)) {
          assert.deepStrictEqual(
            carry(value()),
            arrives === undefined ? value() : arrives.value,
            place,
          )
        }
      },
    }
  }),
  ...richCells.map(({ name, value, plain }): CodecBehaviour => {
    return {
      name: `data: ${name} arrives as itself, or as ${plain.as} where rich types are not kept`,
      run: (codec) => {
        for (const [place, carry] of places(codec)) {
          assert.deepStrictEqual(
            carry(value()),
            codec.capabilities.richTypes ? value() : plain.value,
            place,
          )
        }
      },
    }
  }),
  ...refusedCells.map(({ name, value }): CodecBehaviour => {
    return {
      name: `data: ${name} is refused, and the error says where`,
      run: (codec) => isRefused(codec, value),
    }
  }),
  {
    name: 'data: a user object that looks like a tag arrives as itself',
    needs: 'richTypes',
    run: (codec) => {
      const date = new Date(0)
      for (const value of [
        { $date: '1970-01-01T00:00:00.000Z' },
        { $bigint: '1' },
        { $bytes: 'aGk=' },
        { $$date: 'x' },
        { $date: date },
        { $date: { $date: date } },
        { $bytes: 1, other: 2 },
        { $date: 'x', gone: undefined },
      ]) {
        const expected = JSON.parse(JSON.stringify(value)) as Record<string, unknown>
        for (const [place, carry] of places(codec)) {
          const arrived = carry(value)
          assert.deepStrictEqual(JSON.parse(JSON.stringify(arrived)), expected, place)
        }
        assert.deepStrictEqual(
          Object.keys(sent(codec, { kwargs: value }).kwargs),
          Object.keys(expected),
        )
      }
    },
  },
  {
    name: 'data: encoding changes nothing that was given',
    run: (codec) => {
      const freeze = (value: unknown): unknown => {
        if (typeof value === 'object' && value !== null && !ArrayBuffer.isView(value)) {
          Object.values(value).forEach(freeze)
          Object.freeze(value)
        }
        return value
      }
      const args = [
        { at: new Date(0), list: [1n, undefined], bytes: new Uint8Array([1]), $date: 1 },
      ]
      freeze(args)
      sent(codec, { args, kwargs: Object.freeze({ a: 1n }), labels: Object.freeze({ a: 1 }) })
      stored(codec, { value: args })
    },
  },
]
