import { expect, it } from 'vitest'
import { knownStart } from '../../../src/redis/known-start.ts'

const at = 5

it.each([
  ['a first step', '7|-1', undefined, { start: true, source: null }],
  ['a step behind another', '7|3', undefined, { start: true, source: 3 }],
  ['with its input', '7|0', '"ok"', { start: true, source: 0, input: '"ok"' }],
])('%s may start, where nothing was taken back since its release', (_, start, input, answer) => {
  expect(knownStart({ start, input }, { takenBack: 7, at })).toEqual({ at, answer })
})

it.each([
  ['something was taken back', '7|3', undefined, 8],
  ['the count was lost', '7|3', undefined, 0],
  ['nobody asked for the count', '7|3', undefined, undefined],
  ['its input is no text', '7|3', 'ab\ufffd', 7],
  ['it cannot be read', 'x', undefined, 7],
])('is asked about where %s', (_, start, input, takenBack) => {
  expect(knownStart({ start, input }, { takenBack, at })).toBeUndefined()
})
