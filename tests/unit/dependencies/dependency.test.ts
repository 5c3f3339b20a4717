import { describe, expect, expectTypeOf, it } from 'vitest'
import type { Dependencies, Dependency } from '../../../src/core/dependency.ts'
import { DefinitionError } from '../../../src/core/errors.ts'
import { definitionOf, isDependency, readWants } from '../../../src/dependencies/definition.ts'
import { dependency } from '../../../src/dependencies/dependency.ts'
import { TaskContext } from '../../../src/dependencies/task-context.ts'

type Equal<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const is = <_T extends true>(): void => {}

describe('defining a dependency', () => {
  it('runs nothing and makes another dependency each time', () => {
    const provide = (): never => {
      throw new Error('must not run')
    }
    const one = dependency(provide)
    expect(isDependency(one)).toBe(true)
    expect(dependency(provide)).not.toBe(one)
    expect(Object.isFrozen(one)).toBe(true)
  })

  it('infers what the provider gives', () => {
    const pool = dependency(() => ({ connect: (): number => 1 }), { scope: 'process' })
    is<Equal<typeof pool, Dependency<{ connect: () => number }>>>()
    expectTypeOf(dependency(async () => 'a')).toEqualTypeOf<Dependency<string>>()
    const sync = dependency(function* () {
      yield 5
    })
    is<Equal<typeof sync, Dependency<number>>>()
    const session = dependency({ pool, ctx: TaskContext }, async function* ({ pool, ctx }) {
      expectTypeOf(ctx.attempt).toEqualTypeOf<number>()
      yield { n: pool.connect() }
    })
    is<Equal<typeof session, Dependency<{ n: number }>>>()
    // @ts-expect-error the name of a dependency that is not given
    dependency({ pool }, ({ pol }) => pol)
    // @ts-expect-error wrong scope
    expect(() => dependency(() => 1, { scope: 'request' })).toThrow(DefinitionError)
  })

  it('takes its name from the option, else from the function', () => {
    expect(dependency(() => 1, { name: 'one' }).key).toBe('one')
    expect(
      dependency(function pool() {
        return 1
      }).key,
    ).toBe('pool')
    expect(dependency(() => 1).key).toBe('anonymous')
    expect(dependency(() => 1, { name: undefined, scope: undefined }).key).toBe('anonymous')
  })

  it('is not touched by what is done to `deps` later', () => {
    const first = dependency(() => 1)
    const deps: Record<string, Dependency<number>> = { first }
    const sum = dependency(deps, () => 0)
    deps['second'] = sum
    const known = definitionOf(sum)
    expect(known.kind === 'provider' && known.wants.map(({ name }) => name)).toEqual(['first'])
  })
})

describe('a wrong definition', () => {
  const task = dependency(() => 1, { name: 'session' })
  const named = { name: 'repo' }
  const bad = (value: unknown): Dependencies => value as Dependencies
  const faults: [string, () => unknown, RegExp][] = [
    [
      'a missing dependency names the key and circular imports',
      () => dependency(bad({ db: undefined }), () => 1, named),
      /dependency 'repo': dependency 'db' is undefined.*two modules import each other/,
    ],
    ['null', () => dependency(bad({ db: null }), () => 1), /'db' is null/],
    [
      'a function instead of a dependency',
      () => dependency(bad({ db: () => 1 }), () => 1),
      /'db' is not one. Wrap/,
    ],
    [
      'an object written by hand',
      () => dependency({ db: { key: 'db' } }, () => 1),
      /'db' is not one/,
    ],
    ['no deps', () => dependency(bad(undefined), () => 1), /dependencies are an object/],
    ['deps in a list', () => dependency(bad([task]), () => 1), /dependencies are an object/],
    ['a bare dependency as deps', () => dependency(bad(task), () => 1), /dependencies are an obj/],
    [
      'a name that is a promise’s',
      // oxlint-disable-next-line no-thenable -- the fault that is tested
      () => dependency({ then: task }, () => 1),
      /named 'then'/,
    ],
    [
      'a name that is a prototype’s',
      () => dependency({ ['__proto__']: task }, () => 1),
      /named '__proto__'/,
    ],
    [
      'no provider',
      () => dependency({ task }, undefined as unknown as () => 1),
      /needs a function that makes its value/,
    ],
    ['a value', () => dependency(5 as unknown as () => 1), /needs a function/],
    [
      'an unknown option',
      () => dependency(() => 1, { ...named, scop: 'process' } as object),
      /'repo': unknown option 'scop'/,
    ],
    [
      'a wrong scope',
      () => dependency(() => 1, { scope: 'request' as 'task' }),
      /scope is 'task'.*or 'process'.*not 'request'/,
    ],
    ['a scope of no text', () => dependency(() => 1, { scope: {} as 'task' }), /not object/],
    ['an empty name', () => dependency(() => 1, { name: '' }), /a text that is not empty/],
    ['a name of no text', () => dependency(() => 1, { name: 5 as unknown as string }), /a text/],
    ['options of no object', () => dependency(() => 1, 'process' as never), /are an object/],
    [
      'provider and deps the wrong way',
      () => dependency(() => 1, (() => 2) as object),
      /come first/,
    ],
    [
      'a third argument',
      () => Reflect.apply(dependency, undefined, [() => 1, undefined, { scope: 'process' }]),
      /too many arguments/,
    ],
    [
      'a process-scoped one that needs a task-scoped one',
      () => dependency({ s: task }, () => 1, { ...named, scope: 'process' }),
      /'repo' lives as long as the process and cannot need 's'/,
    ],
    [
      'a process-scoped one that needs TaskContext',
      () => dependency({ ctx: TaskContext }, () => 1, { ...named, scope: 'process' }),
      /'repo' lives as long as the process and cannot need TaskContext \('ctx'\)/,
    ],
  ]
  it.each(faults)('is refused at definition: %s', (_name, define, message) => {
    expect(define).toThrow(DefinitionError)
    expect(define).toThrow(message)
  })

  it('is refused in the deps of a task too', () => {
    expect(() => readWants(bad({ db: undefined }), "task 'file.process'")).toThrow(
      /task 'file.process': dependency 'db' is undefined/,
    )
    expect(() => definitionOf({ key: 'hand' })).toThrow(/'hand' is not a dependency/)
  })
})
