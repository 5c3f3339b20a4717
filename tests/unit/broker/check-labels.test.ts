import { describe, expect, it } from 'vitest'
import { checkLabels, numberLabel } from '../../../src/broker/check-labels.ts'
import type { Labels } from '../../../src/core/labels.ts'

const check = (labels: Record<string, unknown>) => () => checkLabels(labels as Labels)

describe('checkLabels', () => {
  it('passes the five types and drops what is undefined', () => {
    const labels = { a: 'x', b: 1, c: 2n, d: true, e: new Uint8Array(1) }
    expect(checkLabels({ ...labels, gone: undefined } as unknown as Labels)).toEqual(labels)
  })

  it('refuses what cannot travel', () => {
    for (const value of [null, Number.NaN, Infinity, {}, [], () => 1, Symbol('x')])
      expect(check({ a: value })).toThrow(/label 'a' must be a string/)
  })

  it('refuses labels that are kept by us', () => {
    for (const name of ['_retries', 'tw_parent', 'tw_root', 'tw_expires', 'queue_name'])
      expect(check({ [name]: 1 })).toThrow(/cannot be set by hand/)
  })

  it('checks those with a meaning', () => {
    expect(checkLabels({ priority: 'high', timeout: 1.5, max_retries: 3 })).toBeTruthy()
    expect(checkLabels({ priority: '5', timeout: '20', max_retries: 0n })).toBeTruthy()
    for (const priority of ['urgent', 10, 1.5, true])
      expect(check({ priority })).toThrow(/label 'priority' is 'low'/)
    for (const timeout of [0, -1, 'soon', true, new Uint8Array([5])])
      expect(check({ timeout })).toThrow(/label 'timeout' is a number/)
    for (const max_retries of ['x', 1.5, false])
      expect(check({ max_retries })).toThrow(/label 'max_retries'/)
  })
})

it('reads the number in a label', () => {
  for (const [label, number] of [
    [5, 5],
    [5n, 5],
    ['2.5', 2.5],
    ['', undefined],
    [' ', undefined],
    ['x', undefined],
    [true, undefined],
    [Infinity, undefined],
    ['1e999', undefined],
    [undefined, undefined],
    [new Uint8Array([5]), undefined],
  ] as const)
    expect(numberLabel(label)).toBe(number)
})
