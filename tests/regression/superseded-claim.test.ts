/**
 * A worker stood still for longer than a lease while the answer to its receive was on the way. The
 * message was cancelled meanwhile, and claimed again by this same worker. Both answers came, and it ran
 * the message under the older claim, although the newer one said that it was cancelled.
 */
import { describe, expect, it } from 'vitest'
import { TaskContext } from '../../src/dependencies/task-context.ts'
import type { Delivery } from '../../src/core/delivery.ts'
import { deferred, turns } from '../unit/broker/stage.ts'
import { stage } from '../unit/worker/stage.ts'

/** A worker with one slot: its first receive brings both messages, the second one of them again. */
async function claimedTwice(again: 'first' | 'second', more: Partial<Delivery> = {}) {
  const late = deferred()
  const done = deferred()
  const claimed: Delivery[] = []
  const { broker, work, events } = stage((inner) => ({
    async receive(request) {
      if (claimed.length === 0) {
        claimed.push(...(await inner.receive(request)))
        return claimed
      }
      await late.promise
      const twice = claimed.splice(0)[again === 'first' ? 0 : 1]
      if (twice === undefined) return inner.receive(request)
      return [{ ...twice, token: 1000, redeliveries: 1, ...more }]
    },
    settle: async (settlements) => settlements.map(() => 'settled'),
  }))
  const ran: string[] = []
  const reasons: unknown[] = []
  const task = broker.task(
    { name: 't', deps: { ctx: TaskContext } },
    ({ ctx }, name: string) =>
      new Promise<void>((resolve) => {
        ran.push(name)
        void done.promise.then(resolve)
        ctx.signal.addEventListener('abort', () => {
          reasons.push(ctx.signal.reason)
          resolve()
        })
      }),
  )
  await task.kiqMany([['first'], ['second']])
  const worker = await work({ concurrency: 1, prefetch: 2 })
  await turns()
  late.resolve()
  await turns()
  return { ran, reasons, done, events, worker }
}

describe('a claim that comes back to the worker that lost it', () => {
  it('takes the place of the older one that waits', async () => {
    const { ran, done, events, worker } = await claimedTwice('second', { cancelled: 'no more' })
    done.resolve()
    await turns()
    await worker.stop()
    expect(ran).toEqual(['first'])
    expect(events('task-settled').map(({ status }) => status)).toEqual(['succeeded', 'cancelled'])
  })

  it('ends the run under the older one, and runs again', async () => {
    const { ran, reasons, events, worker } = await claimedTwice('first')
    await turns()
    expect(reasons).toEqual([expect.objectContaining({ code: 'LEASE_LOST' })])
    expect(events('task-lost')).toHaveLength(1)
    expect(ran).toEqual(['first', 'first'])
    await worker.stop({ timeout: 0 })
  })
})
