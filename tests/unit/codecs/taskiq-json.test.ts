import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { taskiqJson } from '../../../src/codecs/taskiq-json.ts'
import { DataNotPlainError, InvalidInputError } from '../../../src/core/errors.ts'
import type { ErrorData } from '../../../src/core/error-data.ts'
import { sampleMessage, sampleResult } from '../../../src/testing/codec/carry.ts'

const codec = taskiqJson()
const rich = taskiqJson({ richTypes: true })

const wire = (members: Record<string, unknown>): string =>
  JSON.stringify({
    task_id: 'id',
    task_name: 'task',
    labels: {},
    labels_types: {},
    args: [],
    kwargs: {},
    ...members,
  })

const written = (args: readonly unknown[]): string =>
  String(codec.encodeMessage(sampleMessage({ id: 'i', task: 't', args })))

describe('the text of a message', () => {
  it('has the members of TaskIQ, in its order', () => {
    const message = sampleMessage({ id: 'i', task: 't', args: [1], kwargs: { a: 2 } })
    expect(codec.encodeMessage({ ...message, labels: { n: 5, b: true } })).toBe(
      '{"task_id":"i","task_name":"t","labels":{"n":"5","b":"True"},"labels_types":{"n":2,"b":5},"args":[1],"kwargs":{"a":2}}',
    )
  })

  it('has the same members where the writer is needed', () => {
    const message = sampleMessage({ id: 'i', task: 't', args: [1n], kwargs: { a: 2 } })
    expect(codec.encodeMessage({ ...message, labels: { n: 5 } })).toBe(
      '{"task_id":"i","task_name":"t","labels":{"n":"5"},"labels_types":{"n":2},"args":[1],"kwargs":{"a":2}}',
    )
  })

  it.each([
    [[2n ** 70n], '[1180591620717411303424]'],
    [[2 ** 70], '[1.1805916207174113e+21]'],
    [[1e20], '[100000000000000000000.0]'],
    [[-0, 0], '[-0.0,0]'],
    [[new Date(0), undefined], '["1970-01-01T00:00:00.000Z",null]'],
    [[{ a: undefined, b: 1n }], '[{"b":1}]'],
    [['a\ud800'], '["a\\ud800"]'],
  ])('writes %o as %s', (args, text) => {
    expect(written(args)).toContain(`"args":${text}`)
  })

  it('tags rich values on queues of our own, and escapes what looks like a tag', () => {
    const args = [new Date(0), 1n, new Uint8Array([104, 105]), { $date: 1 }, { $$date: 1 }]
    expect(String(rich.encodeMessage(sampleMessage({ args })))).toContain(
      '"args":[{"$date":"1970-01-01T00:00:00.000Z"},{"$bigint":"1"},{"$bytes":"aGk="},{"$$date":1},{"$$$date":1}]',
    )
  })

  it('takes plain objects and dates of another realm', () => {
    const args = runInNewContext('[{ at: new Date(0), bytes: new Uint8Array([1]) }]') as unknown[]
    expect(codec.decodeMessage(codec.encodeMessage(sampleMessage({ args }))).args).toEqual([
      { at: '1970-01-01T00:00:00.000Z', bytes: 'AQ==' },
    ])
  })

  it('is not changed by what others put on Object.prototype', () => {
    Object.defineProperty(Object.prototype, 'polluted', {
      value: () => 1,
      enumerable: true,
      configurable: true,
      writable: true,
    })
    try {
      const message = sampleMessage({ args: [{ a: 1 }], kwargs: { b: 2 } })
      expect(codec.decodeMessage(codec.encodeMessage(message)).args).toEqual([{ a: 1 }])
    } finally {
      Reflect.deleteProperty(Object.prototype, 'polluted')
    }
  })
})

describe('what is refused at send', () => {
  it.each([
    [{ args: [{ when: new Map() }] }, /^args\[0\]\.when is a Map.*plain object/],
    [{ args: [Promise.resolve()] }, /^args\[0\] is a promise.*Await/],
    [{ args: [new URL('http://a')] }, /^args\[0\] is an instance of URL/],
    [{ args: [[0, { 'a b': NaN }]] }, /^args\[0\]\[1\]\["a b"\] is NaN/],
    [{ kwargs: { f: () => 1 } }, /^kwargs\.f is a function/],
    [{ kwargs: new Map() }, /^kwargs is not a plain object/],
    [{ kwargs: [] }, /^kwargs is not a plain object/],
    [{ kwargs: new Date(0) }, /^kwargs is not a plain object/],
    [{ labels: new Map([['a', 1]]) }, /^labels is not a plain object/],
    [{ args: 'text' }, /^args is not an array/],
    [{ id: '' }, /^id /],
    [{ id: 'a b' }, /^id /],
    [{ task: '' }, /^task /],
    [{ task: 'x'.repeat(257) }, /^task /],
  ])('%o', (parts, message) => {
    const given = Object.assign({}, sampleMessage(), parts)
    expect(() => codec.encodeMessage(given)).toThrow(DataNotPlainError)
    expect(() => codec.encodeMessage(given)).toThrow(message)
  })

  it('keeps the cause when data of the user throws', () => {
    const thrown = new TypeError('mine')
    const trap = new Proxy({}, { ownKeys: () => { throw thrown } }) // prettier-ignore
    expect(() => codec.encodeMessage(sampleMessage({ args: [trap] }))).toThrow(
      expect.objectContaining({ code: 'DATA_NOT_PLAIN', cause: thrown }),
    )
  })
})

describe('reading', () => {
  it('takes a message as Python writes it, with members that are not ours', () => {
    const text =
      '{"task_id": "ID1", "task_name": "app:ok", "labels": {"i": "5"}, "labels_types": null, "args": [1], "kwargs": {}, "more": {"a": 1}}'
    expect(codec.decodeMessage(text)).toEqual({
      id: 'ID1',
      task: 'app:ok',
      args: [1],
      kwargs: {},
      labels: { i: '5' },
    })
  })

  it.each([
    ['9007199254740991', 9007199254740991],
    ['9007199254740992', 9007199254740992n],
    ['-9007199254740992', -9007199254740992n],
    ['1180591620717411303424', 2n ** 70n],
    ['1180591620717411303424.0', 2 ** 70],
    ['0.12345678901234567890', 0.12345678901234568],
    ['1e+22', 1e22],
    ['1e300', 1e300],
    ['1e-400', 0],
    ['-0', -0],
    ['"9007199254740992"', '9007199254740992'],
    ['"\\u00e9 12345678901234567890"', 'é 12345678901234567890'],
    ['[12345678901234567890, {"a\\n": -12345678901234567890}]', [12345678901234567890n, { 'a\n': -12345678901234567890n }]], // prettier-ignore
    [' [ 12345678901234567890 , true , false , null , "\\\\" , 1.5e3 , {} ] ', [12345678901234567890n, true, false, null, '\\', 1500, {}]], // prettier-ignore
    ['{"a": 12345678901234567890, "a": 1}', { a: 1 }],
  ])('the value %s', (text, value) => {
    const body = wire({ args: ['@'] }).replace('"@"', () => text)
    expect(codec.decodeMessage(body).args).toEqual([value])
    expect(rich.decodeMessage(body).args).toEqual([value])
  })

  it.each([
    [{ task_id: 5 }, /task_id must be .*, but is the number 5/],
    [{ task_id: undefined }, /task_id must be .*, but is missing/],
    [{ task_id: 'a b' }, /task_id must be .*, but is the text "a b"/],
    [{ task_name: '' }, /task_name must be .*, but is empty/],
    [{ task_name: 'x'.repeat(257) }, /task_name must be a name of 1–256 characters/],
    [{ labels: [] }, /labels must be an object, but is an array/],
    [{ labels_types: 'x' }, /labels_types must be an object/],
    [
      { labels: { a: '1' }, labels_types: { a: 9 } },
      /labels_types\.a must be a number from 1 to 6/,
    ],
    [{ labels: { a: '1' }, labels_types: { a: null } }, /labels_types\.a must be/],
    [{ labels: { a: '1.0' }, labels_types: { a: 2 } }, /labels\.a must be a whole number/],
    [{ labels: { a: 'x' }, labels_types: { a: 4 } }, /labels\.a must be a number/],
    [{ labels: { a: 'abc' }, labels_types: { a: 6 } }, /labels\.a must be base64/],
    [{ args: {} }, /args must be an array, but is an object/],
    [{ args: 'x' }, /args must be an array, but is the text "x"/],
    [{ kwargs: null }, /kwargs must be an object, but is null/],
    [{ kwargs: [] }, /kwargs must be an object, but is an array/],
  ])('refuses %o and says why', (members, message) => {
    expect(() => codec.decodeMessage(wire(members))).toThrow(
      expect.objectContaining({ code: 'MALFORMED_MESSAGE', message: expect.stringMatching(message) as string }), // prettier-ignore
    )
  })

  it.each([
    ['{"__proto__": 1}'],
    ['{"\\u005f_proto__": {"a": 1}}'],
    ['{"_\\u005Fproto__": 1}'],
    ['{"__\\u0070roto__": 1}'],
    ['{"__p\\u0072oto__": 1}'],
    ['{"__pr\\u006Fto__": 1}'],
    ['{"__pro\\u0074o__": 1}'],
    ['[[{"a": {"__proto__": null}}]]'],
  ])('refuses the key __proto__: %s', (text) => {
    const body = wire({ args: ['@'] }).replace('"@"', () => text)
    expect(() => codec.decodeMessage(body)).toThrow(/has the key __proto__/)
    expect(() => codec.decodeMessage(wire({}).replace('"kwargs":{}', `"kwargs":{"a":${text}}`))).toThrow(/__proto__/) // prettier-ignore
    expect(Object.hasOwn(Object.prototype, 'a')).toBe(false)
  })

  it.each([
    ['1e999', /too large/],
    ['-1E+400', /too large/],
    [`${'1'.repeat(400)}.5`, /too large/],
    ['9'.repeat(4301), /more than 4300 digits/],
  ])('refuses a number that is too large (%#)', (text, message) => {
    const body = wire({ args: ['@'] }).replace('"@"', text)
    expect(() => codec.decodeMessage(body)).toThrow(message)
  })

  it.each([
    { $date: 5 },
    { $date: 'yesterday' },
    { $date: '2026-01-02' },
    { $bigint: '1.5' },
    { $bigint: '-0' },
    { $bigint: '9'.repeat(4301) },
    { $bytes: 'not base64!' },
    { $bytes: 'aGk' },
    { $bytes: null },
  ])('refuses the tag %o', (tag) => {
    expect(() => rich.decodeMessage(wire({ args: [[tag]] }))).toThrow(/args\[0\]\[0\] has the tag/)
    expect(codec.decodeMessage(wire({ args: [[tag]] })).args).toEqual([[tag]])
  })

  it('knows a tag whose $ is written as an escape', () => {
    const body = wire({ args: [{ $bigint: '1' }] }).replace('$', '\\u0024')
    expect(rich.decodeMessage(body).args).toEqual([1n])
  })

  it('refuses a body that is neither text nor bytes', () => {
    for (const body of [null, undefined, 5, {}, []]) {
      // @ts-expect-error a store without types may hand over anything
      expect(() => codec.decodeMessage(body)).toThrow(/neither text nor bytes/)
    }
  })
})

describe('limits', () => {
  it('hold at the same place in both directions', () => {
    const small = taskiqJson({ maxDepth: 4, maxKeys: 10, maxBytes: 120 })
    const nest = (depth: number): unknown => (depth === 0 ? 1 : [nest(depth - 1)])
    // The message and args are two levels.
    const fits = written([nest(2)])
    expect(small.encodeMessage(sampleMessage({ id: 'i', task: 't', args: [nest(2)] }))).toBe(fits)
    expect(small.decodeMessage(fits).args).toEqual([[[1]]])
    expect(() => small.encodeMessage(sampleMessage({ args: [nest(3)] }))).toThrow(/deeper than 4/)
    expect(() => small.decodeMessage(written([nest(3)]))).toThrow(/deeper than 4/)

    const keys = (count: number): Record<string, number> =>
      Object.fromEntries(Array.from({ length: count }, (_, i) => [i, 0]))
    // A message has six of its own.
    expect(small.decodeMessage(written([keys(4)])).args).toEqual([keys(4)])
    expect(() => small.decodeMessage(written([keys(5)]))).toThrow(/more than 10 keys/)
    expect(() =>
      small.encodeMessage(sampleMessage({ id: 'i', task: 't', args: [keys(5)] })),
    ).toThrow(/keys/)
    expect(() => small.encodeMessage(sampleMessage({ args: [keys(11)] }))).toThrow(/11|10 keys/)

    expect(() => small.encodeMessage(sampleMessage({ args: ['x'.repeat(60)] }))).toThrow(/120 bytes/) // prettier-ignore
    expect(() => small.encodeMessage(sampleMessage({ id: 'i', args: ['€'.repeat(20)] }))).toThrow(/120 bytes/) // prettier-ignore
    expect(() => small.decodeMessage(written(['€'.repeat(20)]))).toThrow(/120 bytes/)
  })

  it('count tags', () => {
    const small = taskiqJson({ richTypes: true, maxDepth: 2 })
    expect(() => small.encodeMessage(sampleMessage({ args: [1n] }))).toThrow(/deeper than 2/)
    expect(small.encodeMessage(sampleMessage({ args: [1] }))).toContain('[1]')
  })

  it('do not count brackets, colons and quotes in texts', () => {
    const texts = ['['.repeat(500), '{":'.repeat(500), '"\\"[', '\\', '\\\\"']
    expect(codec.decodeMessage(codec.encodeMessage(sampleMessage({ args: texts }))).args).toEqual(texts) // prettier-ignore
  })

  it.each([{ maxBytes: 0 }, { maxDepth: 1.5 }, { maxKeys: NaN }, { maxDepth: 501 }])(
    'must be sensible: %j',
    (options) => expect(() => taskiqJson(options)).toThrow(InvalidInputError),
  )
})

describe('results', () => {
  const base = { is_err: false, return_value: 1, execution_time: 0.5 }
  const read = (members: Record<string, unknown>) =>
    codec.decodeResult(JSON.stringify({ ...base, ...members }))

  it('take what Python requires, and nothing less', () => {
    expect(read({ extra: 1 })).toEqual(sampleResult({ value: 1, executionTime: 0.5 }))
    expect(() => read({ is_err: 0 })).toThrow(/is_err must be a boolean, but is the number 0/)
    expect(() => read({ return_value: undefined })).toThrow(/return_value .* is missing/)
    expect(() => read({ execution_time: '1' })).toThrow(/execution_time must be a number/)
    expect(() => read({ labels: [] })).toThrow(/labels must be an object/)
    expect(() => read({ error: 'x' })).toThrow(/error must be an object/)
  })

  it('derive the status, and say it only where Python has no word for it', () => {
    expect(read({ is_err: true }).status).toBe('failed')
    expect(read({ is_err: true, tw: {} }).status).toBe('failed')
    expect(read({ is_err: true, tw: { status: 'dead' } }).status).toBe('dead')
    expect(() => read({ is_err: true, tw: { status: 'gone' } })).toThrow(/tw\.status/)
    expect(() => read({ is_err: false, tw: { status: 'dead' } })).toThrow(/tw\.status/)
    expect(() => read({ tw: 1 })).toThrow(/tw must be an object/)
    expect(codec.encodeResult(sampleResult({ status: 'failed' }))).not.toContain('tw')
    expect(codec.encodeResult(sampleResult({ status: 'dead' }))).toContain('"tw":{"status":"dead"}')
    expect(codec.encodeResult(sampleResult({ status: 'dead', value: 1n }))).toContain('"tw":{"status":"dead"}') // prettier-ignore
  })

  it('tell a void task from one that returned null', () => {
    const text = String(codec.encodeResult(sampleResult({ value: undefined })))
    expect(text).toContain('"return_value":null')
    expect(text).toContain('"tw":{"void":true}')
    expect(codec.decodeResult(text).value).toBeUndefined()
    const none = String(codec.encodeResult(sampleResult({ value: null })))
    expect(none).not.toContain('tw')
    expect(codec.decodeResult(none).value).toBeNull()
    const labels = { big: 2n ** 64n }
    expect(codec.encodeResult(sampleResult({ value: undefined, labels }))).toContain('"tw":{"void":true}') // prettier-ignore
    expect(() => read({ tw: { void: 1 } })).toThrow(/tw\.void must be true/)
    expect(() => read({ is_err: true, tw: { void: true } })).toThrow(/tw\.void/)
  })

  it('write labels as values', () => {
    const labels = { a: 'x', n: 5, f: NaN, b: true, big: 2n ** 64n, bytes: new Uint8Array([104]) }
    const text = String(codec.encodeResult(sampleResult({ labels })))
    expect(text).toContain('"labels":{"a":"x","n":5,"f":"nan","b":true,"big":18446744073709551616,"bytes":"aA=="}') // prettier-ignore
    expect(rich.decodeResult(rich.encodeResult(sampleResult({ labels }))).labels).toEqual({
      ...labels,
      f: 'nan',
    })
  })

  it('refuse an execution time that is no number', () => {
    expect(() => codec.encodeResult(sampleResult({ executionTime: NaN }))).toThrow(/executionTime/)
  })
})

describe('errors', () => {
  const wireOf = (error: ErrorData): Record<string, unknown> => {
    const text = String(codec.encodeResult(sampleResult({ status: 'failed', error })))
    return (JSON.parse(text) as { error: Record<string, unknown> }).error
  }
  const readError = (error: unknown) =>
    codec.decodeResult(
      JSON.stringify({ is_err: true, return_value: null, execution_time: 0, error }),
    ).error

  it('are an ExceptionRepr with our extras beside', () => {
    expect(wireOf({ name: 'TypeError', message: 'm', stack: 's', code: 'c' })).toEqual({
      exc_type: 'TypeError',
      exc_message: ['m'],
      exc_module: null,
      exc_cause: null,
      exc_context: null,
      exc_suppress_context: false,
      tw: { code: 'c', stack: 's' },
    })
    expect(wireOf({ name: 'A', message: 'm', cause: { name: 'B', message: '' } })).toMatchObject({
      exc_cause: { exc_type: 'B', exc_message: [''] },
      exc_suppress_context: true,
    })
  })

  it('are named as Python knows them', () => {
    expect(wireOf({ name: 'TaskTimeoutError', message: '5s', code: 'TASK_TIMEOUT' })).toMatchObject(
      { exc_type: 'TimeoutError', exc_module: 'builtins', exc_message: ['5s'] },
    )
    const rejected = { name: 'TaskRejectedError', message: 'why', code: 'TASK_REJECTED' }
    // Python cannot make this class with arguments.
    expect(wireOf(rejected)).toMatchObject({
      exc_type: 'TaskRejectedError',
      exc_module: 'taskiq.exceptions',
      exc_message: [],
    })
    expect(readError(wireOf(rejected))).toEqual(rejected)
  })

  it('of Python keep module, arguments and chain', () => {
    const wireError = {
      exc_type: 'Outer.MyErr',
      exc_message: [5, { a: 1 }],
      exc_module: 'app',
      exc_cause: null,
      exc_context: { exc_type: 'KeyError', exc_message: [], exc_module: 'builtins' },
      exc_suppress_context: true,
    }
    expect(readError(wireError)).toEqual({
      name: 'Outer.MyErr',
      message: '5',
      module: 'app',
      args: [5, { a: 1 }],
      context: { name: 'KeyError', message: '', args: [], module: 'builtins' },
      suppressContext: true,
    })
  })

  it('are cut where their chain does not end', () => {
    const error: { name: string; message: string; cause?: object } = { name: 'A', message: 'm' }
    error.cause = error
    const text = JSON.stringify(wireOf(error as ErrorData))
    expect(text.match(/exc_type/g)).toHaveLength(16)
  })

  it.each([
    [{ exc_message: ['m'] }, /error\.exc_type must be/],
    [{ exc_type: 'A', exc_message: 'm' }, /error\.exc_message must be an array/],
    [{ exc_type: 'A', exc_message: [], exc_module: 5 }, /error\.exc_module must be a text/],
    [{ exc_type: 'A', exc_message: [], exc_cause: 'x' }, /error\.exc_cause must be an object/],
    [{ exc_type: 'A', exc_message: [], exc_context: {} }, /error\.exc_context\.exc_type/],
    [{ exc_type: 'A', exc_message: [], exc_suppress_context: 1 }, /exc_suppress_context/],
    [{ exc_type: 'A', exc_message: [], tw: { stack: 1 } }, /error\.tw\.stack must be a text/],
  ])('refuse %o', (error, message) => {
    expect(() => readError(error)).toThrow(message)
  })
})

describe('progress', () => {
  it('is state and meta', () => {
    expect(codec.encodeProgress({ state: 's', meta: undefined })).toBe('{"state":"s","meta":null}')
    expect(codec.encodeProgress({ state: 's', meta: 1n })).toBe('{"state":"s","meta":1}')
    expect(codec.decodeProgress('{"state":"s"}')).toEqual({ state: 's', meta: null })
    expect(() => codec.decodeProgress('{"state":1}')).toThrow(/state must be a text/)
    // @ts-expect-error a caller without types
    expect(() => codec.encodeProgress({ state: 1, meta: null })).toThrow(/state is not a text/)
  })
})
