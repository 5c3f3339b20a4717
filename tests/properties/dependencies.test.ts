import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Dependency } from '../../src/core/dependency.ts'
import { DependencyContainer } from '../../src/dependencies/container.ts'
import { dependency } from '../../src/dependencies/dependency.ts'
import { providerError } from '../../src/dependencies/provider-error.ts'
import { TaskContext } from '../../src/dependencies/task-context.ts'
import { contextOf } from '../unit/dependencies/task-stage.ts'

/** One dependency of a random graph. It may need any that stand before it. */
interface Part {
  readonly needs: readonly number[]
  readonly kind: 'async' | 'sync' | 'disposable' | 'generator' | 'asyncGenerator'
  readonly process: boolean
  readonly context: boolean
  readonly fails: 'never' | 'making' | 'tearDown'
}

/** What one dependency injects: its number, the task that it was made for, and what it was given. */
interface Value {
  readonly part: number
  readonly task: string | undefined
  readonly given: readonly Value[]
}

interface Line {
  readonly what: 'begin' | 'made' | 'torn'
  readonly part: number
}

const kinds = ['async', 'sync', 'disposable', 'generator', 'asyncGenerator'] as const

const part = (index: number, faults: boolean): fc.Arbitrary<Part> =>
  fc.record({
    needs: fc.uniqueArray(fc.nat({ max: Math.max(0, index - 1) }), {
      maxLength: index === 0 ? 0 : 3,
    }),
    kind: fc.constantFrom(...kinds),
    process: fc.integer({ min: 0, max: 3 }).map((n) => n === 0),
    context: fc.boolean(),
    fails: faults
      ? fc.integer({ min: 0, max: 9 }).map((n) => (['making', 'tearDown'] as const)[n] ?? 'never')
      : fc.constant('never' as const),
  })

const graph = (options: { faults: boolean }): fc.Arbitrary<readonly Part[]> =>
  fc
    .integer({ min: 1, max: 12 })
    .chain((size) => fc.tuple(...Array.from({ length: size }, (_, i) => part(i, options.faults))))
    .map((parts) => {
      // A process-scoped one may only need process-scoped ones, and no context.
      const asked: Part[] = []
      for (const one of parts) {
        const process = one.process && one.needs.every((need) => asked[need]?.process === true)
        asked.push({ ...one, process, context: one.context && !process })
      }
      return asked
    })

/** Something for other scopes to run in between: settles when the test says so. */
type Pause = () => Promise<void>

interface Scene {
  readonly dependencies: readonly Dependency<Value>[]
  /** What happened, by the task that it happened for; values of the process under `process`. */
  readonly lines: Map<string, Line[]>
}

const valuesOf = (given: Readonly<Record<string, unknown>>): Value[] =>
  Object.values(given) as Value[]

const fault = (what: string, index: number): Error => new Error(`${what} ${index}`)

function build(parts: readonly Part[], pause: Pause, onlyTask?: string): Scene {
  const dependencies: Dependency<Value>[] = []
  const lines = new Map<string, Line[]>()
  for (const [index, one] of parts.entries()) {
    const log = (task: string | undefined, what: Line['what']): void => {
      const key = one.process ? 'process' : (onlyTask ?? task ?? 'no task')
      lines.set(key, [...(lines.get(key) ?? []), { what, part: index }])
    }
    const make = (given: Readonly<Record<string, unknown>>, task: string | undefined): Value => {
      if (one.fails === 'making') throw fault('making', index)
      log(task, 'made')
      return { part: index, task, given: valuesOf(given) }
    }
    const tear = (task: string | undefined): void => {
      log(task, 'torn')
      if (one.fails === 'tearDown') throw fault('tearing down', index)
    }
    const deps = Object.fromEntries(
      one.needs.map((need) => [`d${need}`, dependencies[need] as Dependency<unknown>]),
    )
    const wants = one.context ? { ...deps, ctx: TaskContext } : deps
    // Without a context of its own, a part is known by the task of what it was given.
    const split = (all: Readonly<Record<string, unknown>>) => {
      const { ctx, ...given } = all as { ctx?: { taskId: string } }
      const task = ctx?.taskId ?? valuesOf(given).find((value) => value.task)?.task
      return { given, task }
    }
    const options = {
      scope: one.process ? ('process' as const) : ('task' as const),
      name: `d${index}`,
    }
    dependencies.push(
      dependency(wants, providerOf({ kind: one.kind, split, log, make, tear, pause }), options),
    )
  }
  return { dependencies, lines }
}

interface ProviderParts {
  readonly kind: Part['kind']
  readonly split: (all: Readonly<Record<string, unknown>>) => {
    given: Readonly<Record<string, unknown>>
    task: string | undefined
  }
  readonly log: (task: string | undefined, what: 'begin') => void
  readonly make: (given: Readonly<Record<string, unknown>>, task: string | undefined) => Value
  readonly tear: (task: string | undefined) => void
  readonly pause: Pause
}

type Provider = (all: Readonly<Record<string, unknown>>) => Value | Promise<Value>

function providerOf({ kind, split, log, make, tear, pause }: ProviderParts): Provider {
  const disposable = (value: Value): Value =>
    Object.assign(value, { [Symbol.dispose]: () => tear(value.task) })
  const asyncDisposable = (value: Value): Value =>
    Object.assign(value, {
      [Symbol.asyncDispose]: async () => {
        await pause()
        tear(value.task)
      },
    })
  switch (kind) {
    case 'sync':
      return (all) => {
        const { given, task } = split(all)
        log(task, 'begin')
        return disposable(make(given, task))
      }
    case 'async':
    case 'disposable':
      return async (all) => {
        const { given, task } = split(all)
        log(task, 'begin')
        await pause()
        const value = make(given, task)
        return kind === 'async' ? disposable(value) : asyncDisposable(value)
      }
    case 'generator':
      return function* (all: Readonly<Record<string, unknown>>) {
        const { given, task } = split(all)
        log(task, 'begin')
        const value = make(given, task)
        try {
          yield value
        } finally {
          tear(task)
        }
      } as unknown as Provider
    case 'asyncGenerator':
      return async function* (all: Readonly<Record<string, unknown>>) {
        const { given, task } = split(all)
        log(task, 'begin')
        await pause()
        const value = make(given, task)
        try {
          yield value
        } finally {
          await pause()
          tear(task)
        }
      } as unknown as Provider
  }
}

/** The parts that making `roots` needs, themselves included. */
function below(parts: readonly Part[], roots: readonly number[]): Set<number> {
  const found = new Set<number>()
  const visit = (index: number): void => {
    if (found.has(index)) return
    found.add(index)
    for (const need of parts[index]?.needs ?? []) visit(need)
  }
  for (const root of roots) visit(root)
  return found
}

function of(lines: readonly Line[], what: Line['what']): number[] {
  return lines.filter((line) => line.what === what).map((line) => line.part)
}

/** What holds for every log, whatever happened. */
function checkLog(parts: readonly Part[], lines: readonly Line[]): void {
  const begun = of(lines, 'begin')
  const made = of(lines, 'made')
  expect(new Set(begun).size, 'each is made at most once').toBe(begun.length)
  for (const index of begun) {
    const at = lines.findIndex((line) => line.what === 'begin' && line.part === index)
    const later = of(lines.slice(at), 'made')
    for (const need of parts[index]?.needs ?? []) {
      expect(later, `${need} is made before ${index}`).not.toContain(need)
    }
  }
  // Makings at the same time may end in another order than they begin: the beginning counts.
  const order = begun.filter((index) => made.includes(index))
  expect(of(lines, 'torn'), 'torn down once, in reverse order').toEqual(order.toReversed())
  const afterTorn = lines.slice(lines.length - made.length).map(({ what }) => what)
  expect(afterTorn, 'nothing is made after a tear-down').toEqual(made.map(() => 'torn'))
}

const asRecord = (dependencies: readonly Dependency<Value>[], wanted: readonly number[]) =>
  Object.fromEntries(wanted.map((index) => [`d${index}`, dependencies[index] as Dependency<Value>]))

const roots = (size: number) => fc.uniqueArray(fc.nat({ max: size - 1 }), { minLength: 1 })

describe('a random graph', () => {
  it('makes each once, before its dependents, and tears down in exact reverse order, whatever fails', async () => {
    const scenes = graph({ faults: true }).chain((parts) =>
      fc.record({
        parts: fc.constant(parts),
        calls: fc.array(roots(parts.length), { minLength: 1, maxLength: 3 }),
        together: fc.boolean(),
        handlerFails: fc.boolean(),
      }),
    )
    await fc.assert(
      fc.asyncProperty(scenes, async ({ parts, calls, together, handlerFails }) => {
        const { dependencies, lines } = build(parts, () => Promise.resolve(), 't')
        const container = new DependencyContainer()
        const scope = container.openScope(contextOf('t'))
        const resolve = (wanted: readonly number[]) => scope.resolve(asRecord(dependencies, wanted))
        const settled: PromiseSettledResult<unknown>[] = []
        if (together) settled.push(...(await Promise.allSettled(calls.map(resolve))))
        else for (const call of calls) settled.push(...(await Promise.allSettled([resolve(call)])))

        const log = [...lines.values()].flat()
        for (const [i, outcome] of settled.entries()) {
          const needed = below(parts, calls[i] ?? [])
          const broken = [...needed].filter((index) => parts[index]?.fails === 'making')
          expect(outcome.status).toBe(broken.length > 0 ? 'rejected' : 'fulfilled')
          const reason: unknown = outcome.status === 'rejected' ? outcome.reason : undefined
          const original = providerError(reason)
          const message = original instanceof Error ? original.message : 'none'
          const possible = broken.length > 0 ? broken.map((index) => `making ${index}`) : ['none']
          expect(possible).toContain(message)
          // The path ends at the one that failed.
          const culprit = message.replace('making ', 'd')
          expect(String(reason)).toMatch(
            broken.length > 0 ? new RegExp(`\\b${culprit}': ${message}$`) : /^undefined$/,
          )
        }
        const needed = below(parts, calls.flat())
        expect([...needed]).toEqual(expect.arrayContaining(of(log, 'made')))

        // Errors of tear-downs come out of close(), all of them; every tear-down runs.
        const failure = handlerFails ? { error: new Error('handler') } : undefined
        const closes = await Promise.allSettled([scope.close(failure)])
        closes.push(...(await Promise.allSettled([container.close()])))
        const expected = of(log, 'made').filter((index) => parts[index]?.fails === 'tearDown')
        const messages = closes.flatMap((close) => {
          if (close.status === 'fulfilled') return []
          const { cause } = close.reason as Error
          const all = cause instanceof AggregateError ? cause.errors : [cause]
          return all.map((error: Error) => error.message)
        })
        expect(messages.toSorted()).toEqual(expected.map((i) => `tearing down ${i}`).toSorted())
        for (const ofOne of lines.values()) checkLog(parts, ofOne)
      }),
      { numRuns: 300 },
    )
  })

  it('keeps concurrent tasks apart: each sees its own context, however they interleave', async () => {
    const scenes = graph({ faults: false }).chain((parts) =>
      fc.record({
        parts: fc.constant(parts),
        tasks: fc.array(roots(parts.length), { minLength: 2, maxLength: 5 }),
        scheduler: fc.scheduler(),
      }),
    )
    await fc.assert(
      fc.asyncProperty(scenes, async ({ parts, tasks, scheduler }) => {
        const pause: Pause = () => scheduler.schedule(Promise.resolve())
        const { dependencies, lines } = build(parts, pause)
        const container = new DependencyContainer()
        const values: Value[][] = []
        const run = async (wanted: readonly number[], i: number): Promise<void> => {
          const taskId = `task ${i}`
          const scope = container.openScope(contextOf(taskId))
          const given = await scope.resolve({ ...asRecord(dependencies, wanted), ctx: TaskContext })
          const { ctx, ...resolved } = given
          expect(ctx).toMatchObject({ taskId })
          values[i] = valuesOf(resolved)
          await pause()
          await scope.close()
        }
        await scheduler.waitFor(Promise.all(tasks.map(run)))

        const seen = values.map((given) => walk(given))
        for (const [i, all] of seen.entries()) {
          for (const value of all) {
            // What knows a task knows this one: no context leaks, at any depth.
            expect([undefined, `task ${i}`]).toContain(value.task)
            expect(value.task === undefined && parts[value.part]?.context === true).toBe(false)
            expect(value.given.map((one) => one.part)).toEqual(parts[value.part]?.needs)
          }
          for (const other of seen.slice(i + 1)) {
            for (const value of all) {
              const shared = other.has(value)
              const mayShare = parts[value.part]?.process === true
              expect(shared && !mayShare, 'only values of the process are shared').toBe(false)
            }
          }
        }
        await scheduler.waitFor(container.close())
        for (const [key, log] of lines) if (key !== 'no task') checkLog(parts, log)
      }),
      { numRuns: 150 },
    )
  })
})

function walk(values: readonly Value[], found: Set<Value> = new Set()): Set<Value> {
  for (const value of values) {
    if (found.has(value)) continue
    found.add(value)
    walk(value.given, found)
  }
  return found
}
