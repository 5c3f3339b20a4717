import { describe, expect, it } from 'vitest'
import { LeaseLostError, TaskCancelledError, TaskTimeoutError } from '../../../src/core/errors.ts'
import { ManualClock } from '../../../src/testing/manual-clock.ts'
import { Run, type Interruption } from '../../../src/worker/run.ts'
import { deferred } from '../broker/stage.ts'
import { delivery } from './stage.ts'

const timeout: Interruption = { kind: 'timeout', error: new TaskTimeoutError('late') }
const cancelled: Interruption = { kind: 'cancelled', error: new TaskCancelledError('why') }
const lost: Interruption = { kind: 'lost', error: new LeaseLostError('gone') }
const shutdown: Interruption = { kind: 'shutdown', error: new Error('stop') }

function newRun() {
  const clock = new ManualClock()
  return { run: new Run(delivery(), clock), clock }
}

describe('an interruption', () => {
  it.each<[string, Interruption[], Interruption]>([
    ['the first', [timeout, shutdown], timeout],
    ['the first', [shutdown, timeout], shutdown],
    ['a cancel', [timeout, cancelled], cancelled],
    ['a cancel', [shutdown, cancelled, timeout], cancelled],
    ['a lost lease', [cancelled, lost], lost],
    ['a lost lease', [lost, cancelled, shutdown], lost],
  ])('that stands is %s', (_, given, stands) => {
    const { run } = newRun()
    for (const one of given) run.interrupt(one)
    expect(run.interruption).toBe(stands)
  })

  it('aborts the signal with its error, before or after it is asked for', () => {
    const { run } = newRun()
    expect(run.signal.aborted).toBe(false)
    run.interrupt(timeout)
    run.interrupt(lost)
    expect(run.signal.reason).toBe(timeout.error)
    const late = newRun().run
    late.interrupt(cancelled)
    expect(late.signal.reason).toBe(cancelled.error)
  })

  it('by a lost lease means nothing once it was committed', () => {
    const { run } = newRun()
    run.committed = true
    run.interrupt(lost)
    expect(run.interruption).toBeUndefined()
    run.interrupt(cancelled)
    expect(run.interruption).toBe(cancelled)
  })
})

describe('the end of a run', () => {
  it('is that of its handler', async () => {
    const { run, clock } = newRun()
    expect(await endOf(run, Promise.resolve(5), 10)).toBe(5)
    await expect(endOf(run, Promise.reject(new Error('x')), 10)).rejects.toThrow('x')
    expect(clock.pending).toBe(0)
  })

  it('is stuck when it does not come within its grace, counted from the first interruption', async () => {
    const { run, clock } = newRun()
    const end = endOf(run, new Promise(() => {}), 100)
    run.interrupt(timeout)
    await clock.advance(60)
    run.interrupt(cancelled)
    await clock.advance(39)
    expect(run.stuck).toBe(false)
    await clock.advance(1)
    expect(await end).toBe('stuck')
    expect(run.stuck).toBe(true)
  })

  it('within its grace is none the worse, and leaves no timer', async () => {
    const { run, clock } = newRun()
    const work = deferred<string>()
    const end = endOf(run, work.promise, 100)
    run.interrupt(shutdown)
    work.resolve('done')
    expect(await end).toBe('done')
    expect([clock.pending, run.stuck]).toEqual([0, false])
    // Interrupted again while its end is being stored: nobody waits for it any more.
    run.interrupt(lost)
    expect(clock.pending).toBe(0)
    const over = newRun()
    await endOf(over.run, Promise.resolve(), 100)
    over.run.interrupt(shutdown)
    expect(over.clock.pending).toBe(0)
  })

  it('has its grace too when it was interrupted before it began', async () => {
    const { run, clock } = newRun()
    run.interrupt(shutdown)
    const end = endOf(run, new Promise(() => {}), 5)
    await clock.advance(5)
    expect(await end).toBe('stuck')
  })
})

/** The end of a watched run as a promise. */
function endOf(run: Run, work: unknown, grace: number): Promise<unknown> {
  return new Promise((resolve, reject) => {
    run.watch(work, grace, (end) => {
      if (end.kind === 'threw') reject(end.error)
      else resolve(end.kind === 'returned' ? end.value : 'stuck')
    })
  })
}
