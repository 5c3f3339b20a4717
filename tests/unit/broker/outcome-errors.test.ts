import { describe, expect, it } from 'vitest'
import { cancelledData, deadData, outcomeError } from '../../../src/broker/outcome-errors.ts'
import { taskiqJson } from '../../../src/codecs/taskiq-json.ts'
import type { ErrorData } from '../../../src/core/error-data.ts'
import { TaskCancelledError, TaskDeadError, TaskFailedError } from '../../../src/core/errors.ts'
import type { FinalStatus } from '../../../src/core/states.ts'

const codec = taskiqJson()
const seen = (status: FinalStatus, error: ErrorData | null): Error => {
  const record = { status, value: null, executionTime: 0, labels: {}, error }
  return outcomeError('id-1', codec.decodeResult(codec.encodeResult(record)))
}

describe('the error that a caller sees', () => {
  it('has the reason of a cancel, whatever it says', () => {
    for (const reason of ['why', '', 'the task was cancelled: twice', '(odd): text']) {
      const error = seen('cancelled', cancelledData(reason))
      expect(error).toBeInstanceOf(TaskCancelledError)
      expect(error).toMatchObject({ reason, code: 'TASK_CANCELLED' })
      expect(error.cause).toMatchObject({ name: 'TaskCancelledError' })
    }
  })

  it('has reason and detail of a dead letter', () => {
    const error = seen('dead', deadData('poison', 'a (b): c\nd'))
    expect(error).toBeInstanceOf(TaskDeadError)
    expect(error).toMatchObject({
      reason: 'poison',
      message: 'the message was set aside (poison): a (b): c\nd',
    })
  })

  it('is a rejection to Python, and a dead letter of that reason to us', () => {
    const error = seen('dead', deadData('rejected', 'not today'))
    expect(error).toBeInstanceOf(TaskDeadError)
    expect(error).toMatchObject({ reason: 'rejected' })
    expect(error.message).toBe('the message was set aside (rejected): not today')
  })

  it('has the remote error as its cause', () => {
    const error = seen('failed', { name: 'RangeError', message: 'far' })
    expect(error).toBeInstanceOf(TaskFailedError)
    expect(error.cause).toMatchObject({ name: 'RangeError', message: 'far' })
  })

  it('makes do with results that say less', () => {
    const bare = { name: 'E', message: 'm', args: [1, 2] }
    expect(seen('cancelled', bare)).toMatchObject({ reason: 'm' })
    expect(seen('dead', bare)).toMatchObject({ reason: 'unknown' })
    expect(seen('failed', null).message).toMatch(/failed without an error/)
  })
})
