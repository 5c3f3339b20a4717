import { describe, expect, it } from 'vitest'
import type { Envelope } from '../../../src/core/message.ts'
import { ExpectedWaits } from '../../../src/redis/expected-waits.ts'

const message = (id: string): Envelope => ({ id, queue: 'q', priority: 4, body: '' })
const send = (expected: ExpectedWaits, id: string, at = 0): boolean =>
  expected.sending([message(id)], at)

/** After as many tasks that were awaited as it takes. */
function convinced(): ExpectedWaits {
  const expected = new ExpectedWaits()
  let sent = 0
  while (!send(expected, `w${sent}`)) {
    expected.asked(`w${sent}`, 0)
    expect(++sent).toBeLessThan(50)
  }
  expect(sent).toBeGreaterThan(10)
  return expected
}

describe('waits that are expected', () => {
  it('are noted once tasks are always awaited, and no more when they are not', () => {
    const expected = convinced()
    let noted = 0
    for (let i = 0; i < 600; i++) noted += send(expected, `n${i}`) ? 1 : 0
    expect(noted).toBeGreaterThan(500)
    // What nobody has asked for by the time that so many others were sent is not asked for.
    expect(send(expected, 'x')).toBe(false)
  })

  it('are none of what is sent in bulk, or awaited elsewhere', () => {
    const expected = convinced()
    const many = Array.from({ length: 101 }, (_, i) => message(`m${i}`))
    expect(expected.sending(many, 0)).toBe(false)
    expect(expected.asked('m1', 0)).toEqual({ noted: false, body: undefined })
    expect(expected.asked('never sent', 0)).toEqual({ noted: false, body: undefined })
  })

  it('keep a result that comes before it is asked for, once', () => {
    const expected = convinced()
    expect(send(expected, 'a')).toBe(true)
    expected.arrived('a', 'result')
    expected.arrived('of somebody else', 'result')
    expect(expected.asked('a', 1)).toEqual({ noted: true, body: 'result' })
    expect(expected.asked('a', 1)).toEqual({ noted: false, body: undefined })
  })

  it.each([
    ['the send went another way', (of: ExpectedWaits) => of.notSent([message('a')]), 1],
    ['the result is too large to be told', (of: ExpectedWaits) => of.arrived('a', undefined), 1],
    ['the connection that hears was anew', (of: ExpectedWaits) => of.deaf(), 1],
    ['it was sent long ago', () => {}, 30_000],
  ])('are not relied on where %s', (_, happen, now) => {
    const expected = convinced()
    expect(send(expected, 'a')).toBe(true)
    happen(expected)
    expect(expected.asked('a', now)).toEqual({ noted: false, body: undefined })
  })
})
