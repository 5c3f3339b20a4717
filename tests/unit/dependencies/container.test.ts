import { describe, expect, it } from 'vitest'
import { DependencyError, NotStartedError } from '../../../src/core/errors.ts'
import { DependencyContainer } from '../../../src/dependencies/container.ts'
import { dependency } from '../../../src/dependencies/dependency.ts'
import { providerError } from '../../../src/dependencies/provider-error.ts'
import { TaskContext } from '../../../src/dependencies/task-context.ts'
import { contextOf, deferred, rejection } from './task-stage.ts'

const scope = 'process'

describe('a value of the process', () => {
  it('is made on first use, once, also when many tasks ask at once', async () => {
    let made = 0
    const gate = deferred()
    const pool = dependency(
      async () => {
        made++
        await gate.promise
        return { made }
      },
      { scope },
    )
    const container = new DependencyContainer()
    const deps = { pool }
    const asked = [1, 2, 3].map(() => container.openScope(undefined).resolve(deps))
    gate.resolve()
    const [first, ...others] = await Promise.all(asked)
    const later = await container.openScope(contextOf('later')).resolve({ pool })
    for (const other of [...others, later]) expect(other.pool).toBe(first?.pool)
    expect(made).toBe(1)
  })

  it('is another one in another container', async () => {
    const pool = dependency(() => ({}), { scope })
    const a = await new DependencyContainer().openScope(undefined).resolve({ pool })
    const b = await new DependencyContainer().openScope(undefined).resolve({ pool })
    expect(a.pool).not.toBe(b.pool)
  })

  it('is tried again by the next task when its making failed', async () => {
    let tries = 0
    const gate = deferred()
    const pool = dependency(
      async () => {
        tries++
        if (tries > 1) return 'pool'
        await gate.promise
        throw new Error('starting up')
      },
      { scope },
    )
    const sync = dependency(
      () => {
        tries++
        if (tries % 2 === 1) throw new Error('odd')
        return tries
      },
      { scope },
    )
    const container = new DependencyContainer()
    const asked = [1, 2].map(() => rejection(container.openScope(undefined).resolve({ pool })))
    gate.resolve()
    for (const error of await Promise.all(asked)) {
      expect(error).toMatchObject({ message: "could not make dependency 'pool': starting up" })
    }
    expect(tries).toBe(1)
    expect(await container.openScope(undefined).resolve({ pool })).toEqual({ pool: 'pool' })
    expect(tries).toBe(2)
    await rejection(container.openScope(undefined).resolve({ sync }))
    expect(await container.openScope(undefined).resolve({ sync })).toEqual({ sync: 4 })
  })

  it('outlives tasks and is torn down by close(), in reverse order of making, told of no error', async () => {
    const log: string[] = []
    const pool = dependency(
      async function* () {
        log.push('+pool')
        try {
          yield 1
        } catch {
          log.push('told')
        }
        log.push('-pool')
      },
      { scope },
    )
    const cache = dependency(
      { pool },
      () => ({ [Symbol.dispose]: () => void log.push('-cache') }),
      {
        scope,
      },
    )
    const session = dependency({ cache }, function* () {
      log.push('+session')
      yield 2
      log.push('-session')
    })
    const container = new DependencyContainer()
    const body = container.use({
      context: undefined,
      body: async (one) => {
        await one.resolve({ session })
        throw new Error('task')
      },
    })
    await rejection(body)
    await container.use({ context: undefined, body: (one) => one.resolve({ session }) })
    expect(log).toEqual(['+pool', '+session', '+session', '-session'])
    const closed = container.close()
    expect(container.close()).toBe(closed)
    await closed
    expect(log.slice(4)).toEqual(['-cache', '-pool'])
  })

  it('is waited for by close() while it is being made', async () => {
    const log: string[] = []
    const gate = deferred()
    const pool = dependency(
      async function* () {
        await gate.promise
        yield 1
        log.push('-pool')
      },
      { scope },
    )
    const cache = dependency({ pool }, () => void log.push('+cache'), { scope })
    const container = new DependencyContainer()
    const resolved = rejection(container.openScope(undefined).resolve({ cache }))
    const closed = container.close()
    gate.resolve()
    await closed
    expect(log).toEqual(['-pool'])
    expect(await resolved).toBeInstanceOf(NotStartedError)
  })

  it('does not keep a scope open that is closed while it is being made', async () => {
    const gate = deferred()
    const pool = dependency(() => gate.promise, { scope })
    const container = new DependencyContainer()
    const one = container.openScope(undefined)
    const resolved = rejection(one.resolve({ pool }))
    await one.close()
    gate.resolve()
    expect(await resolved).toMatchObject({ message: expect.stringMatching(/scope has ended/) })
    expect(await container.openScope(undefined).resolve({ pool })).toEqual({ pool: undefined })
  })

  it('that fails in its tear-down does not keep others from theirs', async () => {
    const log: string[] = []
    const pool = dependency(() => ({ [Symbol.dispose]: () => void log.push('-pool') }), { scope })
    const broken = dependency(
      function* () {
        yield 1
        throw new Error('stuck')
      },
      { scope },
    )
    const container = new DependencyContainer()
    await container.openScope(undefined).resolve({ pool, broken })
    expect(await rejection(container.close())).toMatchObject({
      message: "tear-down of 'broken' failed: stuck",
    })
    expect(log).toEqual(['-pool'])
  })

  it('is refused after close(), as is a new scope', async () => {
    const container = new DependencyContainer()
    const pool = dependency(() => 1, { scope })
    const open = container.openScope(undefined)
    await open.resolve({ pool })
    const late = container.openScope(undefined)
    await container.close()
    expect(() => container.openScope(undefined)).toThrow(NotStartedError)
    expect(await rejection(late.resolve({ pool }))).toBeInstanceOf(NotStartedError)
  })
})

describe('use', () => {
  it('gives what the body gives, after the tear-down', async () => {
    const log: string[] = []
    const thing = dependency(function* () {
      yield 1
      log.push('torn down')
    })
    const value = await new DependencyContainer().use({
      context: contextOf('t1'),
      body: async (one) => {
        const { thing: n, ctx } = await one.resolve({ thing, ctx: TaskContext })
        log.push('body')
        return `${n} ${ctx.taskId}`
      },
    })
    expect(value).toBe('1 t1')
    expect(log).toEqual(['body', 'torn down'])
  })

  it('throws the error of a tear-down when the body succeeded', async () => {
    const commit = dependency(function* () {
      yield 1
      throw new Error('commit failed')
    })
    const used = new DependencyContainer().use({
      context: undefined,
      body: (one) => one.resolve({ commit }),
    })
    expect(await rejection(used)).toMatchObject({
      code: 'DEPENDENCY',
      message: expect.stringMatching(/commit failed/),
    })
  })

  it('throws the error of the body when both failed, and tells of the other', async () => {
    const error = new Error('body')
    const told: unknown[] = []
    const broken = dependency(() => ({
      [Symbol.dispose]: () => {
        throw new Error('dispose')
      },
    }))
    const container = new DependencyContainer()
    const body = async (one: ReturnType<typeof container.openScope>): Promise<never> => {
      await one.resolve({ broken })
      throw error
    }
    const use = { context: undefined, body }
    expect(await rejection(container.use(use))).toBe(error)
    const onTearDownError = (one: unknown): void => void told.push(one)
    expect(await rejection(container.use({ ...use, onTearDownError }))).toBe(error)
    expect(told).toMatchObject([
      { code: 'DEPENDENCY', message: expect.stringMatching(/'broken' failed: dispose/) },
    ])
  })
})

describe('providerError', () => {
  it('is what the provider threw, through scopes within scopes', async () => {
    class Refused extends Error {}
    const refused = new Refused('no')
    const container = new DependencyContainer()
    const inner = dependency(() => {
      throw refused
    })
    const outer = dependency(() =>
      container.use({ context: undefined, body: (one) => one.resolve({ inner }) }),
    )
    const error = await rejection(container.openScope(undefined).resolve({ outer }))
    expect(error).toBeInstanceOf(DependencyError)
    expect(providerError(error)).toBe(refused)
  })

  it('is the error itself where no provider threw one', () => {
    const error = new Error('x', { cause: new Error('y') })
    expect(providerError(error)).toBe(error)
    const bare = new DependencyError('no provider')
    expect(providerError(bare)).toBe(bare)
    expect(providerError(undefined)).toBe(undefined)
  })

  it('ends for causes in a circle', () => {
    const circle = new DependencyError('a')
    circle.cause = circle
    expect(providerError(circle)).toBe(circle)
  })
})

describe('isolation', () => {
  it('gives each of two interleaved tasks its own context, also deep in sub-dependencies', async () => {
    const gates = { a: deferred(), b: deferred() }
    const deep = dependency({ ctx: TaskContext }, async ({ ctx }) => {
      await gates[ctx.taskId as 'a' | 'b'].promise
      return ctx.taskId
    })
    const middle = dependency({ deep }, async ({ deep }) => deep)
    const top = dependency({ middle, ctx: TaskContext }, ({ middle, ctx }) => [middle, ctx.taskId])
    const container = new DependencyContainer()
    const deps = { top, middle, deep }
    const a = container.openScope(contextOf('a')).resolve(deps)
    const b = container.openScope(contextOf('b')).resolve(deps)
    gates.b.resolve()
    expect(await b).toEqual({ top: ['b', 'b'], middle: 'b', deep: 'b' })
    gates.a.resolve()
    expect(await a).toEqual({ top: ['a', 'a'], middle: 'a', deep: 'a' })
  })
})
