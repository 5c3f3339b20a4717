import { expect, it } from 'vitest'
import { ClaimBook } from '../../../src/broker/claim-book.ts'
import type { Delivery, LeaseToken } from '../../../src/core/delivery.ts'
import type { Transport } from '../../../src/core/transport.ts'
import { deferred, turns } from './stage.ts'

const delivery = (token: number): Delivery => ({
  id: `m${token}`,
  queue: 'q',
  token,
  priority: 4,
  body: '',
  redeliveries: 0,
  enqueuedAt: 0,
})

function book(found: readonly Delivery[] = []) {
  const asked: (readonly LeaseToken[])[] = []
  const gate = deferred<readonly Delivery[]>()
  const transport: Pick<Transport, 'recover'> = {
    recover: (known) => {
      asked.push(known)
      return gate.promise
    },
  }
  return {
    claims: new ClaimBook(transport as Transport),
    asked,
    answer: () => gate.resolve(found),
    fail: (error: unknown) => gate.reject(error),
  }
}

const claimed = (...tokens: number[]) => Promise.resolve(tokens.map(delivery))
const all = (deliveries: readonly Delivery[]) => deliveries

it('tells the store of every claim of this process, whoever made it', async () => {
  const { claims, asked, answer } = book([delivery(9)])
  await claims.claim(() => claimed(1, 2), all)
  await claims.claim(() => claimed(3), all)
  claims.drop([delivery(2)])
  const found = claims.recover(1000)
  answer()
  expect(await found).toMatchObject([{ token: 9 }])
  expect(asked).toEqual([[1, 3]])
  const again = claims.recover(1000)
  expect(await again).toHaveLength(1)
  expect(asked[1]).toEqual([1, 3, 9])
})

it('looks for nothing while somebody claims: his answer would seem lost', async () => {
  const { claims, asked, answer } = book()
  const slow = deferred<readonly Delivery[]>()
  const claiming = claims.claim(() => slow.promise, all)
  expect(await claims.recover(1000)).toBeUndefined()
  slow.reject(new Error('away'))
  await expect(claiming).rejects.toThrow('away')
  answer()
  expect(await claims.recover(1000)).toEqual([])
  expect(asked).toEqual([[]])
})

it('lets claims wait until it has looked, also when that fails', async () => {
  const { claims, fail } = book()
  const looking = claims.recover(1000)
  let called = false
  const claiming = claims.claim(() => {
    called = true
    return claimed(1)
  }, all)
  expect(await claims.recover(1000)).toBeUndefined()
  await turns()
  expect(called).toBe(false)
  fail(new Error('away'))
  await expect(looking).rejects.toThrow('away')
  expect(await claiming).toHaveLength(1)
})
