import { describe, expect, it } from 'vitest'
import { decodeLabels, encodeLabels } from '../../../src/codecs/wire-labels.ts'

describe('labels on the wire', () => {
  it.each([
    ['text', 'text', 3],
    [5, '5', 2],
    [-5, '-5', 2],
    [9007199254740991, '9007199254740991', 2],
    [9007199254740992, '9007199254740992', 4],
    [1.5, '1.5', 4],
    [1e22, '1e+22', 4],
    [-0, '-0.0', 4],
    [NaN, 'nan', 4],
    [Infinity, 'inf', 4],
    [-Infinity, '-inf', 4],
    [2n ** 64n, '18446744073709551616', 2],
    [true, 'True', 5],
    [false, 'False', 5],
    [new Uint8Array([104, 105]), 'aGk=', 6],
  ])('%s is written as %s with type %d, and comes back', (value, text, type) => {
    expect(encodeLabels({ a: value })).toEqual({ labels: { a: text }, types: { a: type } })
    expect(decodeLabels({ a: text }, { a: type })).toEqual({ a: value })
  })

  it('leave out what is undefined', () => {
    const labels: Record<string, string> = { a: 'x' }
    Object.assign(labels, { b: undefined })
    expect(encodeLabels(labels)).toEqual({ labels: { a: 'x' }, types: { a: 3 } })
  })

  it.each([
    // What is not text gets the parser too: TaskIQ re-sends labels that it has parsed.
    [3, 2, 3],
    [3.7, 2, 3],
    [true, 2, 1],
    [2n ** 64n, 2, 2n ** 64n],
    [' 1_000 ', 2, 1000],
    ['+5', 2, 5],
    ['-0', 2, 0],
    [`-${'0'.repeat(20)}5`, 2, -5],
    ['12345678901234567890', 2, 12345678901234567890n],
    [5, 4, 5],
    [false, 4, 0],
    [2n ** 64n, 4, 2 ** 64],
    ['1e+22', 4, 1e22],
    ['.5', 4, 0.5],
    ['5.', 4, 5],
    ['-Infinity', 4, -Infinity],
    ['+inf', 4, Infinity],
    [5, 3, '5'],
    [true, 3, 'True'],
    [null, 3, 'None'],
    [{ a: 1 }, 3, '{"a":1}'],
    [true, 5, true],
    ['TRUE', 5, true],
    ['true', 5, true],
    ['1', 5, false],
    [1, 5, false],
    ['None', 1, 'None'],
    [[1, 2n], 1, '[1,2]'],
    [5, 1, 5],
    // No type: taken as it is, as far as a label can be.
    ['5', undefined, '5'],
    [0.5, undefined, 0.5],
    [true, undefined, true],
    [null, undefined, 'null'],
    [[1], undefined, '[1]'],
  ])('%o of type %s is read as %o', (value, type, label) => {
    const types = type === undefined ? {} : { a: type }
    expect(decodeLabels({ a: value }, types)).toEqual({ a: label })
  })

  it.each([
    ['1.0', 2],
    ['', 2],
    ['0x10', 2],
    ['1__0', 2],
    [null, 2],
    ['9'.repeat(4301), 2],
    ['9'.repeat(100_000), 2],
    ['0x10', 4],
    ['', 4],
    ['1e', 4],
    [null, 4],
    ['9'.repeat(100_000), 4],
    ['hi!', 6],
    ['aGk', 6],
    [5, 6],
    ['x', 0],
    ['x', 7],
    ['x', 2.5],
    ['x', '3'],
  ])('%o of type %o is malformed', (value, type) => {
    expect(() => decodeLabels({ a: value }, { a: type })).toThrow(
      expect.objectContaining({ code: 'MALFORMED_MESSAGE' }),
    )
  })

  it('ignore the type of a label that is not there', () => {
    expect(decodeLabels({}, { a: 99 })).toEqual({})
  })

  it('may be called as a method of Object is', () => {
    expect(decodeLabels({ constructor: '5', toString: 'x' }, { constructor: 2 })).toEqual({
      constructor: 5,
      toString: 'x',
    })
  })
})
