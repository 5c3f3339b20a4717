import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { fromTravel, toTravel } from '../../../src/broker/arguments.ts'
import { parseBySchema } from '../../../src/broker/schema-check.ts'
import { readDefinition, readRemoteDefinition } from '../../../src/broker/task-definition.ts'
import { InvalidInputError } from '../../../src/core/errors.ts'
import { thrownBy } from '../broker/stage.ts'

const positional = readDefinition('pos', async (_a: number) => {})
const named = readDefinition({ name: 'named', params: ['a', 'b', 'c'] }, async () => {})
const whole = readDefinition({ name: 'whole', input: z.object({ n: z.string() }) }, async () => {})
const remote = readRemoteDefinition({ name: 'far', params: ['a', 'b'] })
const message = (args: unknown[], kwargs: Record<string, unknown> = {}) => ({
  id: 'm',
  task: 't',
  args,
  kwargs,
  labels: {},
})

const travel = async (...of: Parameters<typeof toTravel>) => toTravel(...of)

describe('arguments on their way out', () => {
  it('travel by position, as an object, or by name', async () => {
    expect(await toTravel(positional, [1, 2])).toEqual({ args: [1, 2], kwargs: {} })
    expect(await toTravel(whole, [{ n: '1', more: 1 }])).toEqual({
      args: [],
      kwargs: { n: '1', more: 1 },
    })
    expect(await toTravel(remote, [1])).toEqual({ args: [], kwargs: { a: 1 } })
    expect(await toTravel(named, [1])).toEqual({ args: [1], kwargs: {} })
    const bare = Object.assign(Object.create(null) as object, { n: 'x' })
    expect(await toTravel(whole, [bare])).toMatchObject({ kwargs: { n: 'x' } })
  })

  it('are refused when they do not fit', async () => {
    for (const args of [[], [{}, {}], ['x'], [null], [[1]], [new Date()]])
      expect(await thrownBy(travel(whole, args))).toMatchObject({
        code: 'INVALID_INPUT',
        message: expect.stringMatching(/takes one object/),
      })
    expect(await thrownBy(travel(whole, [{ n: 5 }]))).toMatchObject({ code: 'INVALID_INPUT' })
    expect(await thrownBy(travel(remote, [1, 2, 3]))).toMatchObject({
      message: "task 'far' takes 2 arguments (a, b), not 3.",
    })
  })
})

describe('arguments on their way in', () => {
  it('arrive by position, parsed, or bound by name', async () => {
    expect(await fromTravel(positional, message([1]))).toEqual({
      positional: [1],
      input: undefined,
    })
    expect(await fromTravel(whole, message([], { n: 'x' }))).toEqual({
      positional: [{ n: 'x' }],
      input: { n: 'x' },
    })
    expect(await fromTravel(whole, message([{ n: 'y' }]))).toMatchObject({ input: { n: 'y' } })
    expect(await fromTravel(named, message([1], { c: 3 }))).toMatchObject({
      positional: [1, undefined, 3],
    })
    expect(await fromTravel(named, message([], { b: 2, a: 1 }))).toMatchObject({
      positional: [1, 2],
    })
  })

  it.each<[string, () => Promise<unknown>, RegExp]>([
    ['two for one object', () => fromTravel(whole, message([{}, {}])), /2 positional .* 0 named/],
    ['one and names', () => fromTravel(whole, message([{}], { a: 1 })), /1 positional .* 1 named/],
    ['names without params', () => fromTravel(positional, message([], { a: 1 })), /names a\. Give/],
    ['a name that is none', () => fromTravel(named, message([], { z: 1 })), /no argument 'z'/],
    [
      'one twice',
      () => fromTravel(named, message([1], { a: 1 })),
      /argument 'a' of task 'named' twice/,
    ],
    [
      '__proto__',
      () => fromTravel(named, message([], JSON.parse('{"__proto__":1}') as never)),
      /no arg/,
    ],
  ])('fail with %s', async (_, bound, text) => {
    const error = await thrownBy(bound())
    expect(error).toBeInstanceOf(InvalidInputError)
    expect((error as Error).message).toMatch(text)
  })
})

it('lists what a schema finds, sync or async, with paths of both forms', async () => {
  const schema = (
    issues: { message: string; path?: (PropertyKey | { key: PropertyKey })[] }[],
  ) => ({
    '~standard': { version: 1, vendor: 'x', validate: async () => ({ issues }) } as const,
  })
  const issues = [{ message: 'a' }, { message: 'b', path: ['x', { key: 0 }] }, { message: 'c', path: [] }] // prettier-ignore
  expect(await thrownBy(parseBySchema(schema(issues), {}, 'it'))).toMatchObject({
    message: 'it does not fit its schema: a; x.0: b; c',
    issues: ['a', 'x.0: b', 'c'],
  })
})
