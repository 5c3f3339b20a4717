declare const nothing: unique symbol
/** The input of a step that wants none. Not `void`: a task that returns nothing still hands a value on. */
export type NoInput = typeof nothing

/**
 * A step of a workflow, as the types see it: what it takes from the step before it, and what it hands
 * on. Signatures and canvases are steps.
 */
export interface Step<in I, out O> {
  readonly '~types'?: { readonly input: (input: I) => void; readonly output: O } | undefined
}
