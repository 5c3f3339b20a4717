import { expect, it } from 'vitest'
import {
  NotStartedError,
  QueueFullError,
  StoreError,
  UnsupportedError,
} from '../../../src/core/errors.ts'
import { silentLogger } from '../../../src/core/logger.ts'
import { seededRandom } from '../../../src/core/random.ts'
import { ManualClock } from '../../../src/testing/manual-clock.ts'
import { Patience } from '../../../src/worker/patience.ts'
import { thrownBy } from '../broker/stage.ts'

function newPatience() {
  const clock = new ManualClock()
  const giveUp = new AbortController()
  const errors: unknown[] = []
  const patience = new Patience({
    surroundings: { clock, random: seededRandom(1), logger: silentLogger },
    giveUp: giveUp.signal,
    onError: (error) => errors.push(error),
  })
  return { patience, clock, giveUp, errors }
}

it('asks again until there is an answer, further and further apart', async () => {
  const { patience, clock, errors } = newPatience()
  const at: number[] = []
  const answer = patience.insist(async () => {
    at.push(clock.monotonic())
    if (at.length < 12) throw new StoreError('away')
    return 'here'
  })
  await clock.runAll()
  expect(await answer).toBe('here')
  expect(errors).toHaveLength(11)
  const gaps = at.slice(1).map((time, i) => time - at[i]!)
  expect(gaps[0]).toBeLessThanOrEqual(30)
  expect(Math.max(...gaps)).toBeLessThanOrEqual(3000)
  expect(gaps.at(-1)).toBeGreaterThanOrEqual(1000)
})

it('gives up at once when nobody waits any more, but tries', async () => {
  const { patience, clock, giveUp } = newPatience()
  let tries = 0
  const answer = thrownBy(
    patience.insist(async () => {
      tries++
      throw new StoreError('away')
    }),
  )
  await clock.advance(5)
  giveUp.abort()
  expect(await answer).toMatchObject({ message: 'away' })
  expect(tries).toBe(2)
  expect(await patience.insist(async () => 'here')).toBe('here')
})

it('does not ask again what was refused, nor of what was closed; a full queue empties', async () => {
  const { patience, clock, errors } = newPatience()
  for (const error of [new UnsupportedError('no'), new NotStartedError('closed')])
    expect(await thrownBy(patience.insist(() => Promise.reject(error)))).toBe(error)
  expect(errors).toEqual([])
  let full = true
  const sent = patience.insist(async () => {
    if (full) throw new QueueFullError('q', 1)
    return 'sent'
  })
  await clock.advance(5)
  full = false
  await clock.advance(1000)
  expect(await sent).toBe('sent')
})
