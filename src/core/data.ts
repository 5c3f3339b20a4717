type Leaf = string | number | boolean | null | undefined | void | bigint | Date | Uint8Array

/**
 * `T` where it is plain data; `never` in the places where it is not. Interfaces pass: no index
 * signature is asked for.
 */
export type Plain<T> = T extends Leaf
  ? T
  : T extends
        | ((...a: never[]) => unknown)
        | symbol
        | Promise<unknown>
        | ReadonlyMap<unknown, unknown>
        | ReadonlySet<unknown>
        | RegExp
    ? never
    : { [K in keyof T]: Plain<T[K]> }

/** What JSON itself can say. */
export type Json =
  | string
  | number
  | boolean
  | null
  | { readonly [key: string]: Json }
  | readonly Json[]

/** Keys that plain data must not have: they reach an object's prototype when data is merged. */
export const forbiddenKeys: ReadonlySet<string> = new Set(['__proto__'])
