import { describe, expect, it } from 'vitest'
import { sleep } from '../../../src/core/clock.ts'
import { ManualClock } from '../../../src/testing/manual-clock.ts'

describe('ManualClock', () => {
  it('stands still until it is moved', async () => {
    const clock = new ManualClock(1_000)
    expect([clock.now(), clock.monotonic()]).toEqual([1_000, 0])
    await clock.advance(250)
    expect([clock.now(), clock.monotonic()]).toEqual([1_250, 250])
    expect(new ManualClock().now()).toBe(Date.UTC(2030, 0, 1))
  })

  it('runs timers in the order of their times, each at its time', async () => {
    const clock = new ManualClock(0)
    const ran: string[] = []
    const note = (what: string) => () => void ran.push(`${what} at ${clock.now()}`)
    clock.after(30, note('c'))
    clock.after(10, note('a'))
    clock.after(10, note('b'))
    clock.after(41, note('later'))
    clock.after(-5, note('past'))
    await clock.advance(40)
    expect(ran).toEqual(['past at 0', 'a at 10', 'b at 10', 'c at 30'])
    expect([clock.now(), clock.pending]).toEqual([40, 1])
  })

  it('runs timers that are set meanwhile', async () => {
    const clock = new ManualClock(0)
    const beats: number[] = []
    const beat = (): void => {
      beats.push(clock.now())
      clock.after(10, beat)
    }
    clock.after(10, beat)
    await clock.advance(35)
    expect(beats).toEqual([10, 20, 30])
  })

  it('cancels timers, any number of times', async () => {
    const clock = new ManualClock()
    let ran = false
    const timer = clock.after(10, () => (ran = true))
    timer.cancel()
    timer.cancel()
    await clock.advance(10)
    expect([ran, clock.pending]).toEqual([false, 0])
  })

  it('lets promise chains settle between timers', async () => {
    const clock = new ManualClock(0)
    const ran: string[] = []
    const work = async (): Promise<void> => {
      for (let i = 0; i < 3; i++) {
        await sleep(clock, 10)
        for (let turn = 0; turn < 5; turn++) await Promise.resolve()
        ran.push(`work at ${clock.now()}`)
      }
    }
    const working = work()
    clock.after(25, () => ran.push('timer at 25'))
    await clock.advance(30)
    await working
    expect(ran).toEqual(['work at 10', 'work at 20', 'timer at 25', 'work at 30'])
  })

  it('runs all timers, and gives up when they have no end', async () => {
    const clock = new ManualClock(0)
    const ran: number[] = []
    clock.after(5, () => clock.after(1_000_000, () => ran.push(clock.now())))
    await clock.runAll()
    expect([ran, clock.pending]).toEqual([[1_000_005], 0])
    const again = (): void => void clock.after(1, again)
    again()
    await expect(clock.runAll()).rejects.toThrow('still 1 timers')
  })

  it('sets the machine’s clock without moving timers', async () => {
    const clock = new ManualClock(1_000)
    let ran = false
    clock.after(10, () => (ran = true))
    clock.step(-500)
    expect([clock.now(), clock.monotonic(), ran]).toEqual([500, 0, false])
    await clock.advance(10)
    expect([clock.now(), ran]).toEqual([510, true])
  })
})
