import { expect, it } from 'vitest'
import type { Clock } from '../../../src/core/clock.ts'
import { ManualClock } from '../../../src/testing/manual-clock.ts'
import { watchStalls } from '../../../src/worker/stall-watch.ts'
import { WorkerEmitter } from '../../../src/worker/worker-events.ts'
import { turns } from '../broker/stage.ts'

it('tells how long the loop was blocked, and nothing of small delays', async () => {
  const manual = new ManualClock()
  let blocked = 0
  const timers: (() => void)[] = []
  const clock: Clock = {
    now: () => manual.now(),
    monotonic: () => manual.monotonic() + blocked,
    after: (ms, run) => {
      timers.push(run)
      return manual.after(ms, run)
    },
  }
  const stalls: number[] = []
  const watch = watchStalls(clock, (ms) => stalls.push(ms))
  await manual.advance(2000)
  expect(stalls).toEqual([])
  blocked += 500
  await manual.advance(500)
  expect(stalls).toEqual([])
  blocked += 3000
  await manual.advance(500)
  expect(stalls).toEqual([3000])
  watch.stop()
  expect(manual.pending).toBe(0)
  // One that had come due already.
  timers.at(-1)?.()
  expect([manual.pending, stalls]).toEqual([0, [3000]])
})

it('hands events to all who listen, whatever they do', async () => {
  const faults: unknown[] = []
  const emitter = new WorkerEmitter((error) => faults.push(error))
  const seen: string[] = []
  expect(emitter.has('stopped')).toBe(false)
  emitter.emit('stopped', { reason: 'none listens' })
  emitter.on('stopped', () => {
    throw new Error('sync')
  })
  const late: () => unknown = () => Promise.reject(new Error('async'))
  emitter.on('stopped', late)
  const off = emitter.on('stopped', ({ reason }) => void seen.push(reason))
  expect(emitter.has('stopped')).toBe(true)
  emitter.emit('stopped', { reason: 'a' })
  off()
  emitter.emit('stopped', { reason: 'b' })
  await turns()
  expect(seen).toEqual(['a'])
  expect(faults).toHaveLength(4)
})
