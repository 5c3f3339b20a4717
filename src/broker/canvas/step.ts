import type { NoInput, Step } from '../../core/step.ts'
import type { Fault } from '../handler-shape.ts'

/** Any step. */
export type AnyStep = Step<never, unknown>
/** What a step takes. */
export type InOf<S> = S extends Step<infer I, unknown> ? I : never
/** What a step hands on. */
export type OutOf<S> = S extends Step<never, infer O> ? O : never

/** All but the first argument. */
export type Tail<A extends readonly unknown[]> = A extends readonly []
  ? []
  : A extends readonly [_?: unknown, ...rest: infer T]
    ? T
    : never
/** The first argument. */
export type Head<A extends readonly unknown[]> = A extends readonly []
  ? never
  : A extends readonly [h?: infer H, ...rest: unknown[]]
    ? H
    : never

/** What a step still takes that was given arguments `P` of a task with arguments `A`. */
export type Pending<A extends readonly unknown[], P> =
  | (P extends A ? NoInput : never)
  | (P extends Tail<A> ? Head<A> : never)

/** The arguments of `kiq` for a canvas that takes `I`. */
export type KiqInput<I> = NoInput extends I ? [] : [input: I]

/** What is said of a step that does not fit behind another. */
export type StepFault<S, Prev> =
  NoInput extends InOf<S>
    ? Fault<'this step takes no result from the step before it: use .si(…), or leave its first argument open with .s(…)'> &
        Step<Prev, unknown>
    : Step<Prev, unknown>

/** Each step as it is where it fits behind the one before it; what it should have been where not. */
export type CheckChain<S extends readonly AnyStep[]> = {
  [K in keyof S]: K extends '0'
    ? S[K]
    : [OutOf<[never, ...S][K & keyof [never, ...S]]>] extends [InOf<S[K]>]
      ? S[K]
      : StepFault<S[K], OutOf<[never, ...S][K & keyof [never, ...S]]>>
}

/** The last of a list of steps. */
export type LastOf<S extends readonly unknown[]> = S extends readonly [...unknown[], infer L]
  ? L
  : S[number]
/** What steps hand on together. */
export type OutsOf<S extends readonly AnyStep[]> = { -readonly [K in keyof S]: OutOf<S[K]> }
/** What all steps of a group take. */
export type GroupIn<S extends readonly AnyStep[]> = [S[number]] extends [Step<infer I, unknown>]
  ? I
  : never
