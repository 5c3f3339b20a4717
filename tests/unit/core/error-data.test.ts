import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { errorData, rebuildError, type ErrorData } from '../../../src/core/error-data.ts'
import { InvalidInputError } from '../../../src/core/errors.ts'

function depthOf(data: ErrorData | undefined): number {
  return data === undefined ? 0 : 1 + depthOf(data.cause)
}

describe('errorData', () => {
  it('keeps name, message, stack, code and cause', () => {
    const error = new InvalidInputError('wrong', { cause: new TypeError('inner') })
    const data = errorData(error)
    expect(data).toMatchObject({
      name: 'InvalidInputError',
      message: 'wrong',
      code: 'INVALID_INPUT',
      cause: { name: 'TypeError', message: 'inner' },
    })
    expect(data.stack).toContain('wrong')
    expect('code' in errorData(new Error('x'))).toBe(false)
    expect('cause' in errorData(new Error('x'))).toBe(false)
  })

  it.each([
    ['a text', 'a text'],
    [7, '7'],
    [{ a: 1 }, '{"a":1}'],
    [null, 'null'],
    [undefined, 'undefined'],
    [Symbol('s'), 'Symbol(s)'],
    [10n, '10'],
    [{ toJSON: () => undefined }, '[object Object]'],
  ])('describes %s, which is no error', (thrown, message) => {
    expect(errorData(thrown)).toEqual({ name: 'Error', message })
  })

  it('describes objects that refuse to be read', () => {
    const circular: Record<string, unknown> = {}
    circular['self'] = circular
    expect(errorData(circular).message).toBe('[object Object]')
    const hostile = new Proxy(
      {},
      {
        get: () => {
          throw new Error('no')
        },
        getPrototypeOf: () => {
          throw new Error('no')
        },
      },
    )
    expect(errorData(hostile)).toEqual({ name: 'Error', message: 'a value that cannot be read' })
    const tagged = {
      get [Symbol.toStringTag](): string {
        throw new Error('no')
      },
    }
    expect(errorData(tagged).name).toBe('Error')
  })

  it.each(['name', 'message', 'stack', 'cause', 'code'])(
    'survives an error whose %s throws, and keeps the rest',
    (property) => {
      const error = new RangeError('fine', { cause: new Error('inner') })
      Object.assign(error, { name: 'RangeError', code: 'CODE' })
      const expected: Record<string, unknown> = { ...errorData(error) }
      if (property === 'name') expected['name'] = 'Error'
      else if (property === 'message') expected['message'] = 'an error whose message cannot be read'
      else delete expected[property]
      Object.defineProperty(error, property, {
        get: () => {
          throw new Error('hostile')
        },
      })
      expect(errorData(error)).toEqual(expected)
    },
  )

  it('reads errors with odd properties', () => {
    const odd = new Error('x', { cause: null })
    Object.assign(odd, { message: { not: 'a text' }, code: 404 })
    Object.defineProperty(odd, 'name', { value: '' })
    Object.defineProperty(odd, 'stack', { value: undefined })
    expect(errorData(odd)).toEqual({ name: 'Error', message: '{"not":"a text"}' })
  })

  it('knows errors of another realm', () => {
    const foreign: unknown = runInNewContext(`new RangeError('far away')`)
    expect(foreign instanceof Error).toBe(false)
    expect(errorData(foreign)).toMatchObject({ name: 'RangeError', message: 'far away' })
  })

  it('cuts cycles of causes', () => {
    const [a, b] = [new Error('a'), new Error('b')]
    a.cause = b
    b.cause = a
    expect(errorData(a)).toMatchObject({ message: 'a', cause: { message: 'b' } })
    expect(depthOf(errorData(a))).toBe(2)
    a.cause = a
    expect(depthOf(errorData(a))).toBe(1)
  })

  it('cuts long chains and long texts', () => {
    let error = new Error('end')
    for (let i = 0; i < 100; i++) error = new Error(`link ${i}`, { cause: error })
    expect(depthOf(errorData(error))).toBe(17)
    const { message, stack } = errorData(new Error('x'.repeat(100_000)))
    expect(message.length).toBe(16_385)
    expect(message.endsWith('…')).toBe(true)
    expect(stack?.length).toBeLessThanOrEqual(16_385)
  })

  it('never throws, and gives what JSON can carry', () => {
    fc.assert(
      fc.property(fc.anything({ withNullPrototype: true, withBigInt: true }), (thrown) => {
        const data = errorData(thrown)
        expect(JSON.parse(JSON.stringify(data))).toEqual(data)
        expect(errorData(new Error('outer', { cause: thrown })).message).toBe('outer')
      }),
    )
  })
})

describe('rebuildError', () => {
  it('makes a plain error with the remote name, message, stack, code and causes', () => {
    const original = new InvalidInputError('wrong', { cause: new TypeError('inner') })
    const error = rebuildError(errorData(original))
    expect(Object.getPrototypeOf(error)).toBe(Error.prototype)
    expect(error).toMatchObject({
      name: 'InvalidInputError',
      message: 'wrong',
      code: 'INVALID_INPUT',
    })
    expect(error.stack).toBe(original.stack)
    expect(error.cause).toMatchObject({ name: 'TypeError', message: 'inner' })
    expect(errorData(error)).toEqual(errorData(original))
  })

  it('says so when no stack travelled', () => {
    const { stack } = rebuildError({ name: 'ValueError', message: 'no' })
    expect(stack).toMatch(/^ValueError: no\n.*no stack travelled/)
  })

  it('shows Python’s implicit context unless it is suppressed or there is a cause', () => {
    const [cause, context] = [
      { name: 'Cause', message: 'c' },
      { name: 'Context', message: 'x' },
    ]
    const data = { name: 'E', message: 'm', context }
    expect(rebuildError(data).cause).toMatchObject({ name: 'Context' })
    expect(rebuildError({ ...data, suppressContext: true }).cause).toBeUndefined()
    expect(rebuildError({ ...data, cause }).cause).toMatchObject({ name: 'Cause' })
  })

  it('resolves no name found in data', () => {
    const error = rebuildError({ name: '__proto__', message: 'm', code: 'constructor' })
    expect([error.name, Object.getPrototypeOf(error)]).toEqual(['__proto__', Error.prototype])
  })
})
