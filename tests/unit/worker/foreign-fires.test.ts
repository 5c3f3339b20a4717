import { describe, expect, it } from 'vitest'
import { logTo } from '../../../src/core/logger.ts'
import type { Labels } from '../../../src/core/labels.ts'
import { ForeignFires } from '../../../src/worker/foreign-fires.ts'

const warned: string[] = []
const logger = logTo((level, text) => warned.push(`${level}: ${text}`))
const message = (labels: Labels) => ({ id: 'i', task: 't', args: [], kwargs: {}, labels })
const ours = (plan: string) => message({ schedule_id: plan, tw_slot: 5 })
const theirs = (plan: string) => message({ schedule_id: plan })

describe('fires of another scheduler', () => {
  it('are told from ours, counted, and warned of once for each plan that both fire', () => {
    warned.length = 0
    const fires = new ForeignFires('run', logger)
    for (const each of [ours('a'), message({}), theirs('b'), theirs('a'), theirs('a'), ours('a')])
      expect(fires.look(each)).toBe(undefined)
    expect(fires.count).toBe(3)
    expect(warned).toHaveLength(1)
    expect(warned[0]).toMatch(/^warn: schedule 'a' is fired by two schedulers/)
    fires.look(ours('b'))
    expect(warned).toHaveLength(2)
  })

  it('are left out where that is asked for, ours never', () => {
    const fires = new ForeignFires('drop', logger)
    expect(fires.look(theirs('a'))).toMatch(/another kind sent it for schedule 'a'/)
    expect(fires.look(ours('a'))).toBe(undefined)
    expect(fires.look(message({ schedule_id: 'a', tw_slot: 0 }))).toBe(undefined)
  })
})
