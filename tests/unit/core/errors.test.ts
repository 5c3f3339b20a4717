import { describe, expect, it } from 'vitest'
import {
  InvalidInputError,
  isTaskwrightError,
  QueueFullError,
  StoreError,
  TaskFailedError,
  TaskwrightError,
} from '../../../src/core/errors.ts'

describe('errors', () => {
  it('carry their class as name, a code and the cause', () => {
    const cause = new Error('inner')
    const error = new StoreError('away', { cause, transient: true })
    expect(error).toBeInstanceOf(TaskwrightError)
    expect(error).toMatchObject({ name: 'StoreError', code: 'STORE', cause, transient: true })
    expect(new StoreError('full', { code: 'STORE_FULL' })).toMatchObject({
      code: 'STORE_FULL',
      transient: false,
    })
    expect(new InvalidInputError('x').issues).toEqual([])
    expect(new InvalidInputError('x', { issues: ['a'] }).issues).toEqual(['a'])
    expect(new QueueFullError('mail', 5)).toMatchObject({ code: 'QUEUE_FULL', queue: 'mail' })
    const failed = new TaskFailedError('id', new RangeError('too far'))
    expect(failed.message).toBe('task id failed: RangeError: too far')
  })
})

describe('isTaskwrightError', () => {
  it('knows errors of ours, by code also those of another copy of the package', () => {
    const own = new StoreError('away')
    const foreign = Object.assign(new Error('away'), { code: 'STORE' })
    expect([isTaskwrightError(own), isTaskwrightError(own, 'STORE')]).toEqual([true, true])
    expect(isTaskwrightError(own, 'TRANSACTION')).toBe(false)
    expect([isTaskwrightError(foreign), isTaskwrightError(foreign, 'STORE')]).toEqual([false, true])
    for (const other of [new Error('x'), { code: 'STORE' }, null, 'STORE']) {
      expect(isTaskwrightError(other, 'STORE')).toBe(false)
    }
    expect(isTaskwrightError(Object.assign(new Error('x'), { code: 7 }))).toBe(false)
  })
})
