/**
 * Whether a step of a workflow may start, known without a question. The script that releases a step writes into its
 * entry what a check of it would answer at that moment (its source, and its input where that is one short value), and
 * the take-back count: how often, of all runs, something released was taken back (a run was cancelled, failed, was
 * resumed). The claim of the entry brings that count as it is then. Where both are the same nothing was taken back from
 * the release to the claim, so a check at the claim would answer the same, and a round trip is spared. Where they are
 * not, or one is missing, the store is asked.
 */
import type { KnownStart } from '../core/delivery.ts'
import { isDoubtful } from './wire-body.ts'

/** What an entry says: the take-back count and the source (-1: none), and the input. */
export interface StartNote {
  readonly start: string
  readonly input: string | undefined
}

/** What that means to a claim which was made at `at` with this take-back count; `undefined`: ask. */
export function knownStart(
  { start, input }: StartNote,
  { takenBack, at }: { takenBack: number | undefined; at: number },
): KnownStart | undefined {
  const [count, source] = start.split('|').map(Number)
  if (takenBack === undefined || count !== takenBack || source === undefined) return undefined
  // An input that is no text cannot be read from this answer.
  if (input !== undefined && isDoubtful(input)) return undefined
  const from = { start: true as const, source: source < 0 ? null : source }
  return { at, answer: input === undefined ? from : { ...from, input } }
}
