import { describe, expect, it } from 'vitest'
import type { Dependency } from '../../../src/core/dependency.ts'
import { DefinitionError, InvalidInputError } from '../../../src/core/errors.ts'
import { DependencyContainer } from '../../../src/dependencies/container.ts'
import { dependency } from '../../../src/dependencies/dependency.ts'
import { Graph } from '../../../src/dependencies/graph.ts'
import { DependencyOverrides } from '../../../src/dependencies/overrides.ts'
import { TaskContext } from '../../../src/dependencies/task-context.ts'
import { contextOf, rejection } from './task-stage.ts'

const base = dependency((): string => 'real', { name: 'base' })
const user = dependency({ base }, ({ base }) => `user of ${base}`, { name: 'user' })

async function resolved<T>(container: DependencyContainer, one: Dependency<T>): Promise<T> {
  const { value } = await container.openScope(contextOf('t1')).resolve({ value: one })
  return value
}

describe('an override', () => {
  it('stands in for its target at the top and deep inside', async () => {
    const container = new DependencyContainer()
    container.overrides.set(
      base,
      dependency(() => 'fake'),
    )
    expect(await resolved(container, base)).toBe('fake')
    expect(await resolved(container, user)).toBe('user of fake')
  })

  it('may be a value, taken as it is', async () => {
    const container = new DependencyContainer()
    container.overrides.setValue(base, 'value')
    expect(await resolved(container, user)).toBe('user of value')
    const promised = dependency(function* () {
      yield Promise.resolve(1)
    })
    const promise = Promise.resolve(2)
    container.overrides.setValue(promised, promise)
    const { promised: given } = await container.openScope(undefined).resolve({ promised })
    expect(given).toBe(promise)
  })

  it('is not disposed when it is a value, also not by a dependency that hands it on', async () => {
    let disposed = 0
    const row = { id: 1, [Symbol.asyncDispose]: async () => void disposed++ }
    const session = dependency(() => row)
    const alias = dependency({ session }, ({ session }) => session)
    const container = new DependencyContainer()
    container.overrides.setValue(session, row)
    await container.use({
      context: undefined,
      body: async (scope) => {
        expect((await scope.resolve({ session, alias })).alias).toBe(row)
      },
    })
    await container.close()
    expect(disposed).toBe(0)
  })

  it('lets a test own the transaction: the task sees its row, and its rollback cleans up', async () => {
    const table = new Map<string, string>()
    class Transaction {
      readonly #changes = new Map<string, string>()
      write(key: string, value: string): void {
        this.#changes.set(key, value)
      }
      read(key: string): string | undefined {
        return this.#changes.get(key) ?? table.get(key)
      }
      commit(): void {
        for (const [key, value] of this.#changes) table.set(key, value)
      }
      rollback(): void {
        this.#changes.clear()
      }
    }
    const transaction = dependency(async function* () {
      const opened = new Transaction()
      yield opened
      opened.commit()
    })
    const container = new DependencyContainer()
    const testTransaction = new Transaction()
    testTransaction.write('t1', 'made by the test')
    container.overrides.setValue(transaction, testTransaction)
    const seen = await container.use({
      context: contextOf('t1'),
      body: async (scope) => {
        const { tx } = await scope.resolve({ tx: transaction })
        tx.write('result', 'made by the task')
        return tx.read('t1')
      },
    })
    expect(seen).toBe('made by the test')
    expect(testTransaction.read('result')).toBe('made by the task')
    testTransaction.rollback()
    expect(testTransaction.read('result')).toBeUndefined()
    expect(table.size).toBe(0)
  })

  it('keeps what its target needs from being made', async () => {
    let made = 0
    const pool = dependency(() => ++made)
    const session = dependency({ pool }, ({ pool }) => pool)
    const container = new DependencyContainer()
    container.overrides.setValue(session, 7)
    expect(await resolved(container, session)).toBe(7)
    expect(made).toBe(0)
  })

  it('may have dependencies and a tear-down of its own, and be overridden itself', async () => {
    const log: string[] = []
    const fake = dependency({ ctx: TaskContext }, function* ({ ctx }) {
      yield `fake for ${ctx.taskId}`
      log.push('-fake')
    })
    const container = new DependencyContainer()
    container.overrides.set(base, fake)
    const scope = container.openScope(contextOf('t9'))
    // The target and its replacement are one value, made once.
    expect(await scope.resolve({ user, base, fake })).toEqual({
      user: 'user of fake for t9',
      base: 'fake for t9',
      fake: 'fake for t9',
    })
    await scope.close()
    expect(log).toEqual(['-fake'])
    container.overrides.setValue(fake, 'other')
    expect(await resolved(container, user)).toBe('user of other')
  })

  it('may stand in for TaskContext, so that a test needs no task', async () => {
    const container = new DependencyContainer()
    container.overrides.setValue(TaskContext, contextOf('made up'))
    const id = dependency({ ctx: TaskContext }, ({ ctx }) => ctx.taskId)
    expect(await container.openScope(undefined).resolve({ id })).toEqual({ id: 'made up' })
  })

  it('is taken back by delete and clear; the last one set wins', async () => {
    const container = new DependencyContainer()
    const { overrides } = container
    overrides.setValue(base, 'one')
    overrides.setValue(base, 'two')
    expect(await resolved(container, user)).toBe('user of two')
    overrides.delete(base)
    overrides.delete(base)
    expect(await resolved(container, user)).toBe('user of real')
    overrides.setValue(base, 'three')
    overrides.setValue(user, 'four')
    overrides.clear()
    overrides.clear()
    expect(await resolved(container, user)).toBe('user of real')
  })

  it('counts for scopes that are opened after it', async () => {
    const container = new DependencyContainer()
    const before = container.openScope(undefined)
    container.overrides.setValue(base, 'late')
    expect(await before.resolve({ base })).toEqual({ base: 'real' })
    expect(await resolved(container, base)).toBe('late')
  })

  it('may outlive a container', async () => {
    const overrides = new DependencyOverrides()
    overrides.setValue(base, 'kept')
    expect(await resolved(new DependencyContainer({ overrides }), base)).toBe('kept')
  })

  it('shows in the path of an error', async () => {
    const container = new DependencyContainer()
    const broken = dependency(
      (): string => {
        throw new Error('boom')
      },
      { name: 'fakeBase' },
    )
    container.overrides.set(base, broken)
    expect(await rejection(resolved(container, user))).toMatchObject({
      message: "could not make dependency 'user → base (overridden)': boom",
    })
  })

  it('of another type does not compile, and of no dependency is refused', () => {
    const overrides = new DependencyOverrides()
    const num = dependency(() => 1)
    // @ts-expect-error a text for a number
    overrides.setValue(num, 'a')
    // @ts-expect-error a dependency of another type
    overrides.set(num, base)
    // @ts-expect-error a plain value is set by setValue
    expect(() => overrides.set(num, 5)).toThrow(/replacement.*setValue/)
    // @ts-expect-error a function is no dependency
    expect(() => overrides.setValue(() => 1, 1)).toThrow(InvalidInputError)
    expect(() => overrides.set({ key: 'hand' }, num)).toThrow(/target of an override/)
  })
})

describe('an override that cannot work', () => {
  it.each([
    ['that needs its target', dependency({ user }, ({ user }) => user, { name: 'wrap' })],
    ['that is its target', base],
  ])('is a circle: one %s', async (_name, replacement) => {
    const container = new DependencyContainer()
    container.overrides.set(base, replacement)
    const error = await rejection(resolved(container, user))
    expect(error).toBeInstanceOf(DefinitionError)
    expect(error).toMatchObject({
      message: expect.stringMatching(/need each other: .*base \(overridden\).*must not need/),
    })
    container.overrides.clear()
    expect(await resolved(container, user)).toBe('user of real')
  })

  it('names the whole circle', async () => {
    const container = new DependencyContainer()
    container.overrides.set(
      base,
      dependency({ user }, ({ user }) => user, { name: 'wrap' }),
    )
    expect(await rejection(resolved(container, user))).toMatchObject({
      message: expect.stringMatching(/: user → base \(overridden\) → wrap → user\. /),
    })
  })

  it('gives a value of the process one of a task, or TaskContext', async () => {
    const pool = dependency((): unknown => 1, { scope: 'process', name: 'pool' })
    const cache = dependency({ pool }, () => 2, { scope: 'process', name: 'cache' })
    const container = new DependencyContainer()
    const perTask = dependency(() => 3)
    for (const replacement of [perTask, TaskContext]) {
      container.overrides.set(pool, replacement)
      expect(await rejection(resolved(container, cache))).toMatchObject({
        code: 'DEFINITION',
        message: expect.stringMatching(
          /'cache' lives as long as the process.*'pool \(overridden\)'.*setValue/,
        ),
      })
    }
    container.overrides.set(pool, perTask)
    expect(await resolved(container, pool)).toBe(3)
    container.overrides.setValue(pool, 4)
    expect(await resolved(container, cache)).toBe(2)
  })
})

describe('a value of the process under overrides', () => {
  it('is never served when it was made from something else; taken back, the first one returns', async () => {
    const torn: string[] = []
    const pool = dependency(() => 'real pool', { scope: 'process' })
    const cache = dependency(
      { pool },
      function* ({ pool }) {
        yield { from: pool }
        torn.push(pool)
      },
      { scope: 'process' },
    )
    const container = new DependencyContainer()
    const real = await resolved(container, cache)
    container.overrides.setValue(pool, 'fake pool')
    const fake = await resolved(container, cache)
    expect([real.from, fake.from]).toEqual(['real pool', 'fake pool'])
    expect(await resolved(container, cache)).toBe(fake)
    container.overrides.clear()
    expect(await resolved(container, cache)).toBe(real)
    container.overrides.setValue(base, 'something else')
    expect(await resolved(container, cache)).toBe(real)
    await container.close()
    expect(torn).toEqual(['fake pool', 'real pool'])
  })
})

describe('a plan', () => {
  it('is computed once for a deps object and a table of overrides', () => {
    const overrides = new DependencyOverrides()
    const { table } = overrides
    const graph = new Graph(table)
    const deps = { user, base }
    expect(graph.plan(deps)).toBe(graph.plan(deps))
    expect(graph.plan(deps).steps.map(({ path }) => path)).toEqual(['user → base', 'user'])
    overrides.delete(base)
    overrides.clear()
    expect(overrides.table).toBe(table)
    overrides.setValue(base, 'x')
    expect(overrides.table).not.toBe(table)
    expect(new Graph(overrides.table).plan(deps).steps.map(({ path }) => path)).toEqual(['user'])
  })

  it('refuses deps that are not what they should be', async () => {
    const scope = new DependencyContainer().openScope(undefined)
    const missing = { db: undefined as unknown as Dependency<number> }
    expect(await rejection(scope.resolve(missing))).toMatchObject({ code: 'DEFINITION' })
    const hand = new Graph(new Map()).plan({})
    expect(hand).toEqual({ inputs: [], steps: [], context: undefined })
  })
})
