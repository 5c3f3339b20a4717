import { describe, expect, it } from 'vitest'
import { normalPriority, priorityNumber } from '../../../src/core/labels.ts'

describe('priorityNumber', () => {
  it.each([
    [0, 0],
    [9, 9],
    [5n, 5],
    ['0', 0],
    ['7', 7],
    ['low', 1],
    ['normal', normalPriority],
    ['high', 7],
    ['critical', 9],
  ])('reads %s as %d', (value, expected) => {
    expect(priorityNumber(value)).toBe(expected)
  })

  it.each([
    -1,
    10,
    1.5,
    Number.NaN,
    10n,
    '10',
    '',
    ' 5',
    '5.0',
    'HIGH',
    'toString',
    '__proto__',
    null,
    undefined,
    true,
    [5],
  ])('refuses %s', (value) => {
    expect(priorityNumber(value)).toBeUndefined()
  })
})
