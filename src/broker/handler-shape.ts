import type { Plain } from '../core/data.ts'
import type { Dependencies, Injected } from '../core/dependency.ts'
import type { In, Out, Schema } from './task-options.ts'

type Fn = (...args: never[]) => unknown

/** The form that a handler must have, given the dependencies and the schema of its task. */
export type HandlerOf<D, S> = [S] extends [Schema]
  ? [D] extends [Dependencies]
    ? (deps: Injected<D>, input: Out<S>) => unknown
    : (input: Out<S>) => unknown
  : [D] extends [Dependencies]
    ? (deps: Injected<D>, ...args: never[]) => unknown
    : (...args: never[]) => unknown

/** The arguments of a call: the handler's own, without dependencies; the schema's input where there is one. */
export type ArgsOf<D, S, F extends Fn> = [S] extends [Schema]
  ? [input: In<S>]
  : [D] extends [Dependencies]
    ? F extends (deps: never, ...rest: infer A) => unknown
      ? A
      : never
    : Parameters<F>

/** The value that a call resolves with. */
export type ResultOf<F extends Fn> = Awaited<ReturnType<F>>

/** A mistake in a definition, shown by the compiler in words. */
export type Fault<M extends string> = { readonly '~fault': M }

/** `[]` when all is well; otherwise one element that names the fault. */
export type TaskFaults<A extends readonly unknown[], R, S, P, L> = [R] extends [Plain<R>]
  ? [S] extends [Schema]
    ? [P] extends [readonly string[]]
      ? [fault: Fault<'give `input` or `params`, not both'>]
      : ScheduleFaults<A, L>
    : [A] extends [Plain<A>]
      ? [P] extends [readonly string[]]
        ? P['length'] extends A['length']
          ? ScheduleFaults<A, L>
          : [fault: Fault<'`params` needs one name for each argument of the handler'>]
        : ScheduleFaults<A, L>
      : [fault: Fault<'the arguments of a task must be plain data, and each must have a type'>]
  : [fault: Fault<'the result of a task must be plain data'>]

type ScheduleFaults<A extends readonly unknown[], L> = [L] extends [readonly unknown[]]
  ? (
      L[number] extends infer One
        ? One extends { readonly args: infer X }
          ? X extends Readonly<A>
            ? never
            : 1
          : [] extends A
            ? never
            : 1
        : never
    ) extends never
    ? []
    : [fault: Fault<'a schedule line needs `args` that fit the handler'>]
  : []

/** `T` where there is no fault; the fault itself otherwise. */
export type Checked<X extends readonly unknown[], T> = X extends readonly [infer E] ? E : T
