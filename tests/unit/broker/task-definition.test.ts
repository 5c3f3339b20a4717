import { describe, expect, it, vi } from 'vitest'
import * as z from 'zod'
import {
  checkName,
  readDefinition,
  readRemoteDefinition,
  type AnyTaskOptions,
} from '../../../src/broker/task-definition.ts'
import { DefinitionError } from '../../../src/core/errors.ts'

const handler = async (_a: number, _b: number): Promise<void> => {}
const read = (options: unknown, given: unknown = handler) =>
  readDefinition(options as AnyTaskOptions, given)

describe('a definition', () => {
  it('is a name and a handler', () => {
    expect(read('a.b:c/d_e-1')).toMatchObject({
      name: 'a.b:c/d_e-1',
      handler,
      labels: {},
      retry: undefined,
      definedAt: { file: expect.stringMatching(/task-definition\.test\.ts$/) },
    })
  })

  it('reads every option', () => {
    const input = z.object({ a: z.string() })
    const full = read({
      name: 't',
      aliases: ['old.t'],
      input,
      queue: 'q',
      timeout: '1m',
      grace: 500,
      retry: { max: 2 },
      labels: { tenant: 'x', gone: undefined },
      priority: 'high',
      result: { expiresIn: '1h' },
      isolate: 'thread',
      deps: {},
    })
    expect(full).toMatchObject({
      aliases: ['old.t'],
      input,
      queue: 'q',
      timeout: 60_000,
      grace: 500,
      labels: { tenant: 'x' },
      priority: 7,
      result: { expiresIn: 3_600_000 },
      isolate: 'thread',
    })
    expect(full.labels).not.toHaveProperty('gone')
    expect(read({ name: 't', result: false, params: ['a', 'b'] })).toMatchObject({ result: false })
    expect(read({ name: 't', result: {} }).result).toEqual({ expiresIn: undefined })
  })

  it.each<[string, unknown, RegExp]>([
    ['no options', undefined, /a task needs a name/],
    ['null', null, /a task needs a name/],
    ['no name', {}, /undefined is not a name for a task/],
    ['an empty name', '', /'' is not a name/],
    ['a name with spaces', 'a b', /'a b' is not a name/],
    ['a long name', 'x'.repeat(201), /is not a name/],
    ['an alias that is no name', { name: 't', aliases: ['a b'] }, /'a b' is not a name/],
    ['aliases that are no list', { name: 't', aliases: 'ab' }, /`aliases` must be a list of names/],
    ['an unknown option', { name: 't', timeOut: 1 }, /no option 'timeOut'\. Known: name, aliases/],
    ['deps that are none', { name: 't', deps: { db: {} } }, /task 't': dependency 'db' is not one/],
    ['an input that is no schema', { name: 't', input: {} }, /Standard Schema/],
    ['null as input', { name: 't', input: null }, /Standard Schema/],
    ['input and params', { name: 't', input: z.object({}), params: ['a'] }, /not both/],
    ['params that are no list', { name: 't', params: 'ab' }, /a list of names/],
    ['an empty param', { name: 't', params: ['a', ''] }, /a list of names/],
    ['a param twice', { name: 't', params: ['a', 'a'] }, /names an argument twice/],
    ['too few params', { name: 't', params: ['a'] }, /one name for each argument .*2 at least/],
    ['a wrong queue', { name: 't', queue: 'a b' }, /not a name for a queue/],
    ['a wrong timeout', { name: 't', timeout: 'soon' }, /`timeout` is not a duration/],
    ['a timeout of 0', { name: 't', timeout: 0 }, /`timeout` must be more than 0/],
    ['a wrong grace', { name: 't', grace: -1 }, /`grace` is not a duration/],
    ['a wrong retry', { name: 't', retry: { max: -1 } }, /task 't': retry\.max/],
    ['a wrong backoff', { name: 't', retry: { backoff: 'x' } }, /task 't': not a duration/],
    ['a wrong label', { name: 't', labels: { a: null } }, /task 't': label 'a'/],
    ['a managed label', { name: 't', labels: { _retries: 1 } }, /task 't': label '_retries'/],
    ['a wrong priority', { name: 't', priority: 'urgent' }, /`priority` is/],
    ['a wrong expiry', { name: 't', result: { expiresIn: 0 } }, /`result\.expiresIn` must be/],
    ['a wrong isolate', { name: 't', isolate: 'vm' }, /`isolate` is 'thread' or 'process'/],
    ['a bad cron line', { name: 't', schedule: [{ cron: 'x' }] }, /schedule line 1/],
  ])('is refused with %s', (_, options, text) => {
    expect(() => read(options)).toThrow(text)
    expect(() => read(options)).toThrow(DefinitionError)
  })

  it('is refused without a handler', () => {
    expect(() => readDefinition('t', undefined)).toThrow(/second argument must be its handler/)
  })

  it('counts the dependencies out of the params', () => {
    const withDeps = async (_deps: object, _a: number): Promise<void> => {}
    expect(read({ name: 't', deps: {}, params: ['a'] }, withDeps)).toMatchObject({ params: ['a'] })
    const withDefaults = async (_a: number, _b = 2): Promise<void> => {}
    expect(read({ name: 't', params: ['a', 'b'] }, withDefaults)).toBeTruthy()
  })

  it('keeps its schedule for a label source', () => {
    expect(read({ name: 't', schedule: [{ every: '1m' }] }).schedule).toEqual([{ every: '1m' }])
    expect(read({ name: 't' }).schedule).toEqual([])
  })

  it('refuses isolation where no file is known', () => {
    const capture = vi.spyOn(Error, 'captureStackTrace').mockImplementation((holder) => {
      Reflect.set(holder, 'stack', [])
    })
    try {
      expect(() => read({ name: 't', isolate: 'thread' })).toThrow(/defined and exported in a file/)
      expect(read('t').definedAt).toBeUndefined()
    } finally {
      capture.mockRestore()
    }
  })
})

it('reads remote tasks', () => {
  expect(readRemoteDefinition('far')).toMatchObject({ name: 'far', handler: undefined })
  const io = { input: z.object({}), output: z.string() }
  expect(readRemoteDefinition({ name: 'far', queue: 'py', ...io })).toMatchObject({
    queue: 'py',
    ...io,
  })
  expect(readRemoteDefinition({ name: 'far', params: ['a'] })).toMatchObject({ params: ['a'] })
  expect(() => readRemoteDefinition('a b')).toThrow(DefinitionError)
})

it('checks names', () => {
  expect(checkName('a', 'queue')).toBe('a')
  expect(() => checkName(5, 'queue')).toThrow(/^5 is not a name for a queue/)
})
