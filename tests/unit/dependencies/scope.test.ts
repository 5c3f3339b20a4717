import { describe, expect, expectTypeOf, it } from 'vitest'
import { DependencyError } from '../../../src/core/errors.ts'
import { DependencyContainer } from '../../../src/dependencies/container.ts'
import { dependency } from '../../../src/dependencies/dependency.ts'
import { TaskContext } from '../../../src/dependencies/task-context.ts'
import { contextOf, deferred, rejection } from './task-stage.ts'

const open = () => new DependencyContainer().openScope(contextOf('t1'))

describe('a value', () => {
  it('is what a function, an async function, or a generator gives', async () => {
    const scope = open()
    const values = await scope.resolve({
      sync: dependency(() => 1),
      later: dependency(async () => 2),
      generated: dependency(function* () {
        yield 3
      }),
      generatedLater: dependency(async function* () {
        yield 4
      }),
      byArrow: dependency(() =>
        (function* () {
          yield 'a'
        })(),
      ),
      nothing: dependency(() => undefined),
    })
    expect(values).toEqual({
      sync: 1,
      later: 2,
      generated: 3,
      generatedLater: 4,
      byArrow: 'a',
      nothing: undefined,
    })
    expectTypeOf(values.generatedLater).toEqualTypeOf<number>()
    expectTypeOf(values.byArrow).toEqualTypeOf<string>()
  })

  it('is the promise itself when a sync generator yields one', async () => {
    const promised = dependency(function* () {
      yield Promise.resolve(1)
    })
    const { promised: value } = await open().resolve({ promised })
    expect(value).toBeInstanceOf(Promise)
    expectTypeOf(value).toEqualTypeOf<Promise<number>>()
  })

  it('is made from others by name, in an object of its own', async () => {
    const one = dependency(() => 1)
    const spoil = dependency({ one }, (values: { one: number }) => {
      values.one = 100
      return values.one
    })
    const two = dependency({ one, spoil }, ({ one }) => one + 1)
    expect(await open().resolve({ two, one })).toEqual({ two: 2, one: 1 })
  })

  it('calls a provider without dependencies without an argument', async () => {
    const size = dependency((n?: number) => n ?? 5)
    expect(await open().resolve({ size })).toEqual({ size: 5 })
  })

  it('is the context of the task for TaskContext', async () => {
    const context = contextOf('t1', { args: ['x'] })
    const scope = new DependencyContainer().openScope(context)
    const id = dependency({ ctx: TaskContext }, ({ ctx }) => ctx.taskId)
    expect(await scope.resolve({ ctx: TaskContext, id })).toEqual({ ctx: context, id: 't1' })
  })

  it('is made in the order of definition, after what it needs, siblings one after the other', async () => {
    const made: string[] = []
    const gate = deferred()
    const slow = dependency(async () => {
      made.push('slow begins')
      await gate.promise
      made.push('slow ends')
    })
    const quick = dependency(() => void made.push('quick'))
    const both = dependency({ slow, quick }, () => void made.push('both'))
    const resolved = open().resolve({ both, quick })
    gate.resolve()
    await resolved
    expect(made).toEqual(['slow begins', 'slow ends', 'quick', 'both'])
  })

  it('is made once in a scope: diamonds, later calls and calls at the same time', async () => {
    let made = 0
    const gate = deferred()
    const base = dependency(async () => {
      await gate.promise
      return ++made
    })
    const left = dependency({ base }, ({ base }) => base)
    const right = dependency({ base }, ({ base }) => base)
    const scope = open()
    const first = scope.resolve({ left, right })
    const second = scope.resolve({ base })
    gate.resolve()
    expect(await first).toEqual({ left: 1, right: 1 })
    expect(await second).toEqual({ base: 1 })
    expect(await scope.resolve({ right })).toEqual({ right: 1 })
    expect(made).toBe(1)
  })

  it('is another one in another scope', async () => {
    const container = new DependencyContainer()
    const thing = dependency(() => ({}))
    const deps = { thing }
    const a = await container.openScope(undefined).resolve(deps)
    const b = await container.openScope(undefined).resolve(deps)
    expect(a.thing).not.toBe(b.thing)
  })
})

describe('tear-down', () => {
  it('runs in reverse order of making, after the yield', async () => {
    const log: string[] = []
    const pool = dependency(function* () {
      log.push('+pool')
      yield 1
      log.push('-pool')
    })
    const session = dependency({ pool }, async function* () {
      log.push('+session')
      yield 2
      await Promise.resolve()
      log.push('-session')
    })
    const file = dependency(() => ({ [Symbol.dispose]: () => void log.push('-file') }))
    const scope = open()
    await scope.resolve({ session, file })
    await scope.close()
    expect(log).toEqual(['+pool', '+session', '-file', '-session', '-pool'])
  })

  it('disposes a value with Symbol.asyncDispose or Symbol.dispose, the async one first', async () => {
    const log: string[] = []
    class Thing {
      readonly name: string
      constructor(name: string) {
        this.name = name
      }
      [Symbol.dispose](): void {
        log.push(`sync ${this.name}`)
      }
    }
    class Both extends Thing {
      async [Symbol.asyncDispose](): Promise<void> {
        log.push(`async ${this.name}`)
      }
    }
    const callable = Object.assign(() => 1, { [Symbol.dispose]: () => void log.push('callable') })
    const scope = open()
    await scope.resolve({
      sync: dependency(() => new Thing('a')),
      both: dependency(async () => new Both('b')),
      callable: dependency(() => callable),
      plain: dependency(() => ({ [Symbol.dispose]: undefined })),
    })
    await scope.close()
    expect(log).toEqual(['callable', 'async b', 'sync a'])
  })

  it('does not dispose what a generator yields', async () => {
    let disposed = 0
    const shared = { [Symbol.dispose]: () => void disposed++ }
    const scope = open()
    await scope.resolve({
      shared: dependency(function* () {
        yield shared
      }),
    })
    await scope.close()
    expect(disposed).toBe(0)
  })

  it('does not dispose a value that the provider was given and hands on', async () => {
    let disposed = 0
    const container = new DependencyContainer()
    const pool = dependency(() => ({ [Symbol.asyncDispose]: async () => void disposed++ }), {
      scope: 'process',
    })
    const alias = dependency({ pool }, async ({ pool }) => pool)
    await container.use({ context: undefined, body: (scope) => scope.resolve({ alias }) })
    expect(disposed).toBe(0)
    await container.close()
    expect(disposed).toBe(1)
  })

  it('happens once: the second close gives the first one’s promise', async () => {
    let torn = 0
    const scope = open()
    const thing = dependency(function* () {
      yield 1
      torn++
    })
    await scope.resolve({ thing })
    const first = scope.close()
    expect(scope.close({ error: new Error('late') })).toBe(first)
    await first
    expect(torn).toBe(1)
  })

  it('is nothing for a scope that made nothing', async () => {
    await expect(open().close()).resolves.toBeUndefined()
    await expect(open().close({ error: new Error('x') })).resolves.toBeUndefined()
  })

  it('waits for what is still being made, and nothing more is made', async () => {
    const log: string[] = []
    const gate = deferred()
    const slow = dependency(async function* () {
      await gate.promise
      log.push('+slow')
      yield 1
      log.push('-slow')
    })
    const next = dependency({ slow }, () => void log.push('next'))
    const scope = open()
    const resolved = rejection(scope.resolve({ next }))
    const closed = scope.close()
    gate.resolve()
    await closed
    expect(log).toEqual(['+slow', '-slow'])
    expect(await resolved).toMatchObject({
      code: 'DEPENDENCY',
      message: expect.stringMatching(/scope has ended/),
    })
    expect(await rejection(scope.resolve({ next }))).toMatchObject({
      message: expect.stringMatching(/scope has ended/),
    })
  })
})

describe('the error of the task', () => {
  const recording = () => {
    const seen: unknown[] = []
    const session = dependency(async function* () {
      try {
        yield 1
        seen.push('commit')
      } catch (error) {
        seen.push(error)
        throw error
      } finally {
        seen.push('release')
      }
    })
    return { seen, session }
  }

  it('is thrown into generators, sync and async, which may let it pass', async () => {
    const { seen, session } = recording()
    const sync = dependency({ session }, function* () {
      try {
        yield 1
      } catch (error) {
        seen.push('sync', error)
        throw error
      }
    })
    const scope = open()
    await scope.resolve({ sync })
    const error = new Error('handler')
    await scope.close({ error })
    expect(seen).toEqual(['sync', error, error, 'release'])
  })

  it('is not there when the task succeeded', async () => {
    const { seen, session } = recording()
    const scope = open()
    await scope.resolve({ session })
    await scope.close()
    expect(seen).toEqual(['commit', 'release'])
  })

  it('may be anything that can be thrown, undefined too', async () => {
    const { seen, session } = recording()
    const scope = open()
    await scope.resolve({ session })
    await scope.close({ error: undefined })
    expect(seen).toEqual([undefined, 'release'])
  })

  it('is not hidden from the others by a generator that swallows it', async () => {
    const { seen, session } = recording()
    const swallow = dependency({ session }, function* () {
      try {
        yield 1
      } catch {
        seen.push('swallowed')
      }
    })
    const container = new DependencyContainer()
    const error = new Error('handler')
    const used = container.use({
      context: undefined,
      body: async (scope) => {
        await scope.resolve({ swallow })
        throw error
      },
    })
    expect(await rejection(used)).toBe(error)
    expect(seen).toEqual(['swallowed', error, 'release'])
  })

  it('also reaches what was made before a making that failed', async () => {
    const { seen, session } = recording()
    const broken = dependency({ session }, () => {
      throw new Error('no route')
    })
    const scope = open()
    const error = await rejection(scope.resolve({ broken }))
    await scope.close({ error })
    expect(seen).toEqual([error, 'release'])
  })
})

describe('a making that fails', () => {
  it('names the path and keeps the error of the provider as cause', async () => {
    const cause = new TypeError('connect ECONNREFUSED')
    const pool = dependency(
      async () => {
        throw cause
      },
      { name: 'pool' },
    )
    const session = dependency({ db: pool }, function session() {
      return 1
    })
    // Without a name of its own, a dependency goes by the one that its dependent has for it.
    const repo = dependency({ session }, () => 1)
    const error = await rejection(open().resolve({ repo }))
    expect(error).toBeInstanceOf(DependencyError)
    expect(error).toMatchObject({
      message: "could not make dependency 'repo → session → pool': connect ECONNREFUSED",
      cause,
    })
  })

  it('says so for each way to fail', async () => {
    const thrower = (): number => {
      throw new Error('boom')
    }
    const ways = {
      sync: dependency(() => thrower()),
      rejected: dependency(async () => thrower()),
      generator: dependency(function* () {
        yield thrower()
      }),
      asyncGenerator: dependency(async function* () {
        yield thrower()
      }),
    }
    for (const [name, way] of Object.entries(ways)) {
      const error = await rejection(open().resolve({ [name]: way }))
      expect(error).toMatchObject({ message: `could not make dependency '${name}': boom` })
    }
  })

  it('may throw what is no error', async () => {
    const odd = dependency(() => {
      throw Object.create(null)
    })
    expect(await rejection(open().resolve({ odd }))).toBeInstanceOf(DependencyError)
  })

  it.each([
    [
      'sync',
      dependency(function* (): Generator<number> {
        yield* []
      }),
    ],
    [
      'async',
      dependency(async function* (): AsyncGenerator<number> {
        yield* []
      }),
    ],
  ])('is a %s generator that ends without a yield', async (_kind, empty) => {
    expect(await rejection(open().resolve({ empty }))).toMatchObject({
      code: 'DEPENDENCY',
      message: expect.stringMatching(/'empty': its generator ended without a yield/),
    })
  })

  it('is not tried again in the same scope, and does not stop the others', async () => {
    let tries = 0
    const broken = dependency(() => {
      tries++
      throw new Error('boom')
    })
    const fine = dependency(() => 1)
    const scope = open()
    const first = await rejection(scope.resolve({ broken }))
    const user = dependency({ broken }, () => 1)
    const second = await rejection(scope.resolve({ user }))
    expect(tries).toBe(1)
    expect(first).toMatchObject({ message: expect.stringMatching(/'broken'/) })
    expect(second).toMatchObject({ message: expect.stringMatching(/'user → broken'/) })
    expect(await scope.resolve({ fine })).toEqual({ fine: 1 })
  })
})

describe('a tear-down that fails', () => {
  const failing = (message: string) =>
    dependency(function* () {
      yield 1
      throw new Error(message)
    })

  it('is a DependencyError with its error as cause; the other tear-downs run and are told', async () => {
    const seen: unknown[] = []
    const session = dependency(function* () {
      try {
        yield 1
        seen.push('commit')
      } catch (error) {
        seen.push(error)
        throw error
      }
    })
    const scope = open()
    await scope.resolve({ session, broken: failing('disk full') })
    const error = await rejection(scope.close())
    expect(error).toBeInstanceOf(DependencyError)
    expect(error).toMatchObject({
      message: "tear-down of 'broken' failed: disk full",
      cause: { message: 'disk full' },
    })
    expect(seen).toEqual([(error as DependencyError).cause])
  })

  it('gives all errors in an AggregateError when there are several', async () => {
    const scope = open()
    const disposable = dependency(() => ({
      async [Symbol.asyncDispose]() {
        throw new Error('third')
      },
    }))
    const late = dependency(async function* () {
      try {
        yield 1
      } finally {
        // oxlint-disable-next-line no-unsafe-finally -- what a careless provider does
        throw new Error('second')
      }
    })
    await scope.resolve({ disposable, late, first: failing('first') })
    const error = await rejection(scope.close())
    expect(error).toMatchObject({
      code: 'DEPENDENCY',
      message: "tear-down of 'first', 'late', 'disposable' failed: first",
    })
    const { cause } = error as DependencyError
    expect(cause).toBeInstanceOf(AggregateError)
    expect((cause as AggregateError).errors.map((one: Error) => one.message)).toEqual([
      'first',
      'second',
      'third',
    ])
  })

  it('is told of when the task had failed too, if it is another error than the task’s', async () => {
    const translate = dependency(function* () {
      try {
        yield 1
      } catch (error) {
        throw new Error('rollback failed', { cause: error })
      }
    })
    const scope = open()
    await scope.resolve({ translate })
    expect(await rejection(scope.close({ error: new Error('handler') }))).toMatchObject({
      message: "tear-down of 'translate' failed: rollback failed",
    })
  })

  it.each(['after success', 'after a failure'])('is a second yield, %s', async (when) => {
    const log: string[] = []
    const twice = dependency(async function* () {
      try {
        try {
          yield 1
        } catch {
          log.push('caught')
        }
        yield 2
      } finally {
        log.push('finally')
      }
    })
    const scope = open()
    await scope.resolve({ twice })
    const failed = when === 'after a failure'
    const error = await rejection(failed ? scope.close({ error: new Error('x') }) : scope.close())
    expect(error).toMatchObject({
      code: 'DEPENDENCY',
      message: expect.stringMatching(/'twice'.*yielded a second time/),
    })
    expect(log).toEqual(failed ? ['caught', 'finally'] : ['finally'])
  })
})

describe('TaskContext outside a task', () => {
  it('is a DependencyError that names the path and what to do, before anything is made', async () => {
    let made = 0
    const first = dependency(() => ++made)
    const session = dependency({ ctx: TaskContext }, ({ ctx }) => ctx.taskId, { name: 'session' })
    const repo = dependency({ session }, () => 1)
    const scope = new DependencyContainer().openScope(undefined)
    const error = await rejection(scope.resolve({ first, repo }))
    expect(error).toBeInstanceOf(DependencyError)
    expect(error).toMatchObject({
      message: expect.stringMatching(
        /'repo → session → TaskContext' is wanted outside a task.*Resolve it in a task/,
      ),
    })
    expect(made).toBe(0)
  })
})
