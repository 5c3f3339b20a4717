/** A short answer is awaited awake while that pays, and with sleep while it does not. */
import { describe, expect, it } from 'vitest'
import { WakefulWait } from '../../../src/connections/redis/wakeful-wait.ts'
import { atEndOfTurn, type Clock } from '../../../src/core/clock.ts'

/** A wait, and a clock that counts how often it was looked at: once for each turn of the loop that is awaited awake. */
function made() {
  const state = { now: 0, looks: 0 }
  const clock: Clock = {
    now: () => state.now,
    monotonic: () => {
      state.looks++
      return state.now
    },
    after: () => ({ cancel: () => {} }),
  }
  return { state, wait: new WakefulWait(clock) }
}

async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise<void>(atEndOfTurn)
}

/** How often the clock was looked at in so many turns. */
async function looksIn(count: number, { state }: ReturnType<typeof made>): Promise<number> {
  const before = state.looks
  await turns(count)
  return state.looks - before
}

/** Whether the wait that begins now is awake. It ends by what comes, or too late. */
async function isAwake(
  { state, wait }: ReturnType<typeof made>,
  how: 'in time' | 'too late',
): Promise<boolean> {
  const before = state.looks
  wait.begin()
  await turns(3)
  const awake = state.looks > before
  if (how === 'in time') wait.end()
  else state.now += 1
  await turns(2)
  return awake
}

describe('a wait that is awake', () => {
  it('turns the loop until something has come', async () => {
    const one = made()
    one.wait.begin()
    expect(await looksIn(10, one)).toBeGreaterThanOrEqual(9)
    one.wait.end()
    await turns(2)
    expect(await looksIn(10, one)).toBe(0)
  })

  it('goes to sleep after 0.3 ms', async () => {
    const one = made()
    one.wait.begin()
    one.state.now = 0.29
    expect(await looksIn(10, one)).toBeGreaterThanOrEqual(9)
    one.state.now = 0.31
    await turns(2)
    expect(await looksIn(10, one)).toBe(0)
  })

  it('lasts for the last of the questions that were asked', async () => {
    const one = made()
    one.wait.begin()
    await turns(2)
    one.wait.end()
    one.state.now = 0.25
    one.wait.begin()
    one.state.now = 0.5
    expect(await looksIn(10, one)).toBeGreaterThanOrEqual(9)
    one.wait.end()
    await turns(2)
  })

  it('sleeps through twice as many after each that was in vain, and half as many after each that was not', async () => {
    const one = made()
    const slept: number[] = []
    let sleeps = 0
    for (let awake = 0; awake < 14;) {
      const how = awake < 12 ? 'too late' : 'in time'
      if (await isAwake(one, how)) {
        awake++
        slept.push(sleeps)
        sleeps = 0
      } else sleeps++
    }
    expect(slept).toEqual([0, 1, 3, 7, 15, 31, 63, 127, 255, 511, 1023, 1024, 1024, 512])
  })
})
