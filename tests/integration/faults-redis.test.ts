/** Faults of Redis in real processes: the share of `npm run faults -- --redis` that every commit runs. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { faultsOf } from '../faults/checker.ts'
import { engines } from '../faults/engines.ts'
import { makeProgram, type Program } from '../faults/program.ts'
import type { Row } from '../faults/row.ts'
import { cutReplies, killedConnections } from '../faults/rows/redis-networks.ts'
import { killedServer } from '../faults/rows/redis-outages.ts'
import { randomKills } from '../faults/rows/worker-kills.ts'
import type { StageOptions } from '../faults/stage.ts'
import { describeOwnRedis } from '../support/describe-own-redis.ts'

describeOwnRedis('four workers on one Redis', () => {
  let program: Program
  let options: StageOptions
  beforeAll(() => {
    program = makeProgram()
    options = { program, engine: engines.redis, seed: 1, log: () => {} }
  })
  afterAll(() => program.remove())

  /** Much smaller than a row is by itself. */
  const rows: readonly (readonly [Row, Readonly<Record<string, number>>])[] = [
    [randomKills, { tasks: 800, kills: 6, least: 200, most: 600 }],
    [killedServer, { kills: 1 }],
    [killedConnections, { storms: 10 }],
    [cutReplies, { sweeps: 1, longest: 20 }],
  ]
  it.each(rows)('$fault: $expected', async (row, size) => {
    const { verdict } = await row.run(options, size)
    if (verdict === undefined) throw new Error('nothing was judged')
    // How soon is measured by `npm run faults`, on a machine that does nothing else.
    expect(faultsOf(verdict)).toEqual([])
    expect(verdict.dead).toEqual({})
    expect(verdict.succeeded).toBe(verdict.acknowledged + verdict.recovered)
  })
})
