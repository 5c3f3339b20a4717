import { describe, expect, it } from 'vitest'
import type { Delivery } from '../../../src/core/delivery.ts'
import { Slots } from '../../../src/worker/slots.ts'
import { delivery } from './stage.ts'

const one = (token: number, redeliveries = 0) => delivery({ token, redeliveries })
const tokens = (deliveries: readonly { token: unknown }[]) => deliveries.map(({ token }) => token)

describe('slots', () => {
  it('start in the order of claims, as many as run at once', () => {
    const slots = new Slots(2, 3)
    slots.add([one(1), one(2), one(3)])
    expect([slots.next()?.token, slots.next()?.token, slots.next()]).toEqual([1, 2, undefined])
    expect([slots.running, slots.waiting, slots.room()]).toEqual([2, 1, 2])
    free(slots, one(1))
    expect(slots.next()?.token).toBe(3)
    expect(slots.next()).toBeUndefined()
  })

  it('ask for half of all at most, so that the next half is claimed while one runs', () => {
    const slots = new Slots(2, 3)
    expect(slots.room()).toBe(3)
    slots.add([one(1), one(2), one(3)])
    expect([slots.next()?.token, slots.next()?.token, slots.room()]).toEqual([1, 2, 2])
    // Without prefetch there is nothing to claim beside what runs.
    expect(new Slots(5, 0).room()).toBe(5)
  })

  it('do not count what is on its way into the store, unless the store takes nothing', () => {
    const slots = new Slots(2, 2)
    slots.add([one(1), one(2), one(3), one(4)])
    for (let i = 0; i < 4; i++) {
      slots.next()
      slots.ended()
    }
    expect([slots.settling, slots.room()]).toEqual([4, 2])
    slots.storeFailed()
    expect(slots.room()).toBe(0)
    slots.settled(one(1))
    expect([slots.settling, slots.room()]).toEqual([3, 2])
    slots.add([one(5), one(6), one(7), one(8)])
    for (let i = 0; i < 4; i++) {
      slots.next()
      slots.ended()
    }
    // Twice of all is enough, whatever the store says.
    expect([slots.settling, slots.room()]).toEqual([7, 1])
  })

  it('keep a place for what a settle may claim, and no place twice', () => {
    const slots = new Slots(2, 0)
    slots.add([one(1), one(2)])
    slots.next()
    slots.next()
    expect(slots.reserve()).toBe(false)
    slots.ended()
    expect(slots.reserve()).toBe(true)
    // Nobody is fetched for it, and nobody takes it.
    expect([slots.room(), slots.reserve()]).toEqual([0, false])
    slots.add([one(3)])
    expect([slots.next(), slots.reserve()]).toEqual([undefined, false])
    slots.unreserve(1)
    expect(slots.next()?.token).toBe(3)
    slots.ended()
    slots.storeFailed()
    expect(slots.reserve()).toBe(false)
  })

  it('put small fetches off while something waits', () => {
    const slots = new Slots(1, 10)
    slots.add(Array.from({ length: 8 }, (_, i) => one(i)))
    slots.next()
    expect(slots.room()).toBe(0)
    while (slots.waiting > 0) {
      free(slots, one(0))
      slots.next()
    }
    expect(slots.room()).toBe(6)
  })

  it('run one suspect at a time, first of all, and hold no second', () => {
    const slots = new Slots(3, 3)
    expect(slots.suspectRoom()).toBe(1)
    slots.add([one(1), one(2, 1), one(3, 2)])
    expect(slots.suspectRoom()).toBe(0)
    expect([slots.next()?.token, slots.next()?.token, slots.next()]).toEqual([2, 1, undefined])
    free(slots, one(1))
    expect(slots.next()).toBeUndefined()
    free(slots, one(2, 1))
    expect(slots.next()?.token).toBe(3)
    expect(slots.suspectRoom()).toBe(0)
    free(slots, one(3, 2))
    expect(slots.suspectRoom()).toBe(1)
  })

  it('let go of what has not started', () => {
    const slots = new Slots(1, 5)
    slots.add([one(1), one(2), one(3), one(4, 1)])
    expect(slots.next()?.token).toBe(4)
    free(slots, one(4, 1))
    expect(slots.next()?.token).toBe(1)
    expect(slots.remove(1)).toBeUndefined()
    expect(slots.remove(2)?.token).toBe(2)
    slots.add([one(5, 1)])
    expect(slots.remove(5)?.token).toBe(5)
    expect(tokens(slots.drain())).toEqual([3])
    expect([slots.waiting, slots.running]).toEqual([0, 1])
  })

  it('fetch ahead what will have its turn within 20 ms, by the mean time of a run', () => {
    const slots = new Slots(10, 100)
    expect(slots.room()).toBe(55)
    for (let i = 0; i < 500; i++) slots.took(10)
    // 20 ms at 10 ms each: two for each slot.
    expect(slots.room()).toBe(15)
    for (let i = 0; i < 500; i++) slots.took(1000)
    expect(slots.room()).toBe(10)
    expect(slots.overrunAfter).toBeGreaterThan(3900)
    for (let i = 0; i < 500; i++) slots.took(0.1)
    expect(slots.room()).toBe(55)
    slots.overran(1000)
    expect(slots.room()).toBe(10)
  })

  it('keep their order over many', () => {
    const slots = new Slots(1, 5000)
    slots.add(Array.from({ length: 3000 }, (_, i) => one(i)))
    const order = Array.from({ length: 3000 }, () => {
      const next = slots.next()
      free(slots, one(0))
      return next?.token
    })
    expect(order).toEqual(Array.from({ length: 3000 }, (_, i) => i))
    expect(slots.next()).toBeUndefined()
  })
})

/** From the end of a handler to the end of its message. */
function free(slots: Slots, delivery: Delivery): void {
  slots.ended()
  slots.settled(delivery)
}
