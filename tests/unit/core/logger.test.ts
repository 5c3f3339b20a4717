import { describe, expect, it } from 'vitest'
import { logLevels, logTo, silentLogger, type LogFields } from '../../../src/core/logger.ts'
import { bodySize } from '../../../src/core/message.ts'

describe('logTo', () => {
  it('hands every line to one function, with the fields of all its parents', () => {
    const lines: [string, string, LogFields][] = []
    const logger = logTo((level, message, fields) => lines.push([level, message, fields]), { a: 1 })
    for (const level of logLevels) logger[level](`a ${level}`)
    logger.child({ b: 2 }).child({ a: 3 }).warn('deep', { c: 4 })
    expect(lines).toEqual([
      ...logLevels.map((level) => [level, `a ${level}`, { a: 1 }]),
      ['warn', 'deep', { a: 3, b: 2, c: 4 }],
    ])
    expect(() => silentLogger.child({ x: 1 }).error('dropped')).not.toThrow()
  })
})

describe('bodySize', () => {
  it.each([
    ['', 0],
    ['abc', 3],
    ['ä€😀', 9],
    [new Uint8Array(5), 5],
  ])('counts the bytes of %j', (body, expected) => {
    expect(bodySize(body)).toBe(expected)
  })
})
