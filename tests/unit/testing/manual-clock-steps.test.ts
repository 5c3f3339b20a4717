import { expect, it } from 'vitest'
import { ManualClock } from '../../../src/testing/index.ts'

it('runs one timer at a time by hand, and tells when the next is due', () => {
  const clock = new ManualClock()
  const ran: string[] = []
  expect([clock.next, clock.fire()]).toEqual([Infinity, false])
  clock.after(50, () => ran.push('second'))
  clock.after(20, () => ran.push('first'))
  clock.after(Infinity, () => ran.push('never')).cancel()
  expect(clock.next).toBe(20)
  expect(clock.fire(10)).toBe(false)
  expect([clock.fire(), clock.monotonic(), ran]).toEqual([true, 20, ['first']])
  expect([clock.fire(50), clock.monotonic(), ran]).toEqual([true, 50, ['first', 'second']])
  expect([clock.fire(), clock.pending]).toEqual([false, 0])
})

it('waits after each timer as it is told to', async () => {
  const order: string[] = []
  const clock = new ManualClock(0, async () => void order.push(`settled at ${clock.now()}`))
  clock.after(10, () => order.push('timer'))
  await clock.advance(20)
  expect(order).toEqual(['settled at 0', 'timer', 'settled at 10'])
  expect(clock.now()).toBe(20)
})
