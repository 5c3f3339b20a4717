import type { CodecBehaviour } from './codec/behaviour.ts'
import { dataBehaviours } from './codec/data.ts'
import { limitBehaviours } from './codec/limits.ts'
import { malformedBehaviours } from './codec/malformed.ts'
import { messageBehaviours } from './codec/messages.ts'
import { resultBehaviours } from './codec/results.ts'

/**
 * What every codec must do: the data table cell by cell, labels, results, limits, and what
 * is not a message. Run each with a fresh or a shared codec; `needs` says which apply.
 *
 * @example
 * ```ts
 * for (const { name, needs, run } of codecBehaviours) {
 *   if (needs === undefined || codec.capabilities[needs]) test(name, () => run(codec))
 * }
 * ```
 */
export const codecBehaviours: readonly CodecBehaviour[] = [
  ...dataBehaviours,
  ...messageBehaviours,
  ...resultBehaviours,
  ...limitBehaviours,
  ...malformedBehaviours,
]
