/** A value that may travel and arrives the same with every codec. */
export interface PlainCell {
  readonly name: string
  /** A fresh value for each call. */
  readonly value: () => unknown
  /** The capability without which it is refused. */
  readonly needs?: 'anyInteger' | 'anyText'
  /** What it arrives as, where that is not itself. */
  readonly arrives?: { readonly as: string; readonly value: unknown }
}

/** A value that arrives as itself only with a codec that keeps rich types. */
export interface RichCell {
  readonly name: string
  readonly value: () => unknown
  /** What it arrives as with the others. */
  readonly plain: { readonly as: string; readonly value: unknown }
}

/** A value that no codec takes. */
export interface RefusedCell {
  readonly name: string
  readonly value: () => unknown
}

/** The rows of the data table that are the same for all codecs. */
export const plainCells: readonly PlainCell[] = [
  { name: 'a text', value: () => 'text' },
  { name: 'an empty text', value: () => '' },
  { name: 'a text of many scripts', value: () => 'é € 😀 \u0000 \u2028 "quoted" \\ /' },
  {
    name: 'a text with a lone surrogate',
    value: () => 'a\ud800b\udc00',
    needs: 'anyText',
  },
  { name: 'true', value: () => true },
  { name: 'false', value: () => false },
  { name: 'null', value: () => null },
  { name: 'zero', value: () => 0 },
  { name: 'minus zero', value: () => -0 },
  { name: 'a whole number', value: () => -42 },
  { name: 'the largest safe integer', value: () => Number.MAX_SAFE_INTEGER },
  { name: 'the smallest safe integer', value: () => Number.MIN_SAFE_INTEGER },
  { name: 'a number beyond the safe integers', value: () => 2 ** 53 },
  { name: 'a large number written without an exponent', value: () => 1e20 },
  { name: 'a large number written with an exponent', value: () => -1e21 },
  { name: 'the largest number', value: () => Number.MAX_VALUE },
  { name: 'the smallest number', value: () => Number.MIN_VALUE },
  { name: 'a fraction', value: () => 0.1 + 0.2 },
  { name: 'an empty array', value: () => [] },
  { name: 'an array', value: () => [1, 'a', null, [true]] },
  { name: 'an empty object', value: () => ({}) },
  { name: 'an object', value: () => ({ a: 1, 'b c': { d: [] }, '': 0, 5: 'five' }) },
  { name: 'an object with names of methods', value: () => ({ constructor: 1, toString: 'x' }) },
  { name: 'an object with $ keys', value: () => ({ $a: 1, $ref: { $id: 5 } }) },
  {
    name: 'an object without a prototype',
    value: () => Object.assign(Object.create(null) as object, { a: 1 }),
    arrives: { as: 'a plain object', value: { a: 1 } },
  },
  {
    name: 'undefined in an object',
    value: () => ({ a: undefined, b: 1 }),
    arrives: { as: 'absent', value: { b: 1 } },
  },
  {
    name: 'undefined in an array',
    value: () => [undefined, 1],
    arrives: { as: 'null', value: [null, 1] },
  },
  {
    name: 'a hole in an array',
    value: () => {
      const list: unknown[] = [1]
      list[2] = 3
      return list
    },
    arrives: { as: 'null', value: [1, null, 3] },
  },
  {
    name: 'a getter of a plain object',
    value: () => ({
      get a() {
        return 1
      },
    }),
    arrives: { as: 'the value that it gives', value: { a: 1 } },
  },
  { name: 'a bigint beyond 2^53', value: () => 2n ** 63n },
  { name: 'a bigint beyond 2^64', value: () => 2n ** 70n, needs: 'anyInteger' },
  { name: 'a negative bigint beyond 2^64', value: () => -(2n ** 70n), needs: 'anyInteger' },
  { name: 'a negative bigint beyond 2^53', value: () => -(2n ** 53n) },
]

/** The rows of the data table that differ between codecs. */
export const richCells: readonly RichCell[] = [
  {
    name: 'a Date',
    value: () => new Date('2026-01-02T03:04:05.678Z'),
    plain: { as: 'an ISO text', value: '2026-01-02T03:04:05.678Z' },
  },
  {
    name: 'a Date of the year 12026',
    value: () => new Date('+012026-01-02T03:04:05.678Z'),
    plain: { as: 'an ISO text', value: '+012026-01-02T03:04:05.678Z' },
  },
  { name: 'a small bigint', value: () => 5n, plain: { as: 'a number', value: 5 } },
  {
    name: 'bytes',
    value: () => new Uint8Array([0, 104, 105, 255]),
    plain: { as: 'base64', value: 'AGhp/w==' },
  },
  { name: 'no bytes', value: () => new Uint8Array(), plain: { as: 'an empty text', value: '' } },
  {
    name: 'rich values within others',
    value: () => [{ at: new Date(0), n: [7n], bytes: new Uint8Array([1]) }],
    plain: {
      as: 'texts and numbers',
      value: [{ at: '1970-01-01T00:00:00.000Z', n: [7], bytes: 'AQ==' }],
    },
  },
]

class Point {
  readonly x = 1
}

/** The last row of the data table. */
export const refusedCells: readonly RefusedCell[] = [
  { name: 'a Map', value: () => new Map([[1, 2]]) },
  { name: 'a Set', value: () => new Set([1]) },
  { name: 'a class instance', value: () => new Point() },
  { name: 'an Error', value: () => new Error('x') },
  { name: 'a RegExp', value: () => /x/ },
  { name: 'a promise', value: () => Promise.resolve(1) },
  { name: 'a WeakMap', value: () => new WeakMap() },
  { name: 'a boxed number', value: () => Object(1) as unknown },
  { name: 'an array of floats (Float64Array)', value: () => new Float64Array(1) },
  { name: 'an ArrayBuffer', value: () => new ArrayBuffer(1) },
  { name: 'an object that inherits data', value: () => Object.create({ a: 1 }) as unknown },
  { name: 'a function', value: () => () => 1 },
  { name: 'an object with toJSON', value: () => ({ toJSON: () => 1 }) },
  { name: 'a symbol', value: () => Symbol('x') },
  { name: 'NaN', value: () => NaN },
  { name: 'Infinity', value: () => Infinity },
  { name: '-Infinity', value: () => -Infinity },
  { name: 'an invalid Date', value: () => new Date(NaN) },
  { name: 'a bigint of 5000 digits', value: () => 10n ** 5000n },
]
