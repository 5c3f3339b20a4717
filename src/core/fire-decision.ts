import type { SendStatus } from './transport.ts'
import type { Adoption, Fire, FireAnswer, FireState } from './fire-ledger.ts'

/** What a store knows when it decides a slot. */
export interface FireFacts {
  /** The store's clock. */
  readonly now: number
  /** A message of this id waits, is due later, or runs; or the run that it started goes (`runOfMessage`). */
  readonly lives: (id: string) => boolean
  /** The queue has not reached its cap. */
  readonly hasRoom: (queue: string) => boolean
}

/** An answer with the state that is to be written with it: the very same object where nothing changes. */
export interface FireDecision {
  readonly answer: FireAnswer
  readonly state: FireState
}

/**
 * The rules of {@link FireLedger.fire} for one slot, for stores that decide in this process; a store that
 * decides in another language follows them too. Where the answer is `fired`, message and state are to be
 * written in one step.
 */
export function decideFire(state: FireState, fire: Fire, facts: FireFacts): FireDecision {
  const { slot, envelope, limit } = fire
  const unchanged = (answer: FireAnswer): FireDecision => ({ answer, state })
  if (fire.release === true) {
    if (state.waiting !== slot) return unchanged('decided')
  } else if (slot <= state.mark) return unchanged('decided')
  else if (slot > facts.now) return unchanged('early')
  const marked: FireState =
    fire.release === true
      ? { ...state, waiting: null }
      : { ...state, mark: slot, missed: state.missed + fire.missed }
  if (state.paused) {
    const skipped = state.skipped + 1 + fire.missed
    return { answer: 'paused', state: { ...marked, missed: state.missed, skipped } }
  }
  if (limit !== undefined && state.fired >= limit) return { answer: 'ended', state: marked }
  if (envelope === null) {
    return { answer: 'passed', state: { ...marked, missed: marked.missed + 1 } }
  }
  if (fire.overlap !== undefined && state.message !== null && facts.lives(state.message)) {
    if (fire.release === true) return unchanged('waits')
    if (fire.overlap === 'queue-one' && state.waiting === null) {
      return { answer: 'waits', state: { ...marked, waiting: slot } }
    }
    return { answer: 'skipped', state: { ...marked, skipped: state.skipped + 1 } }
  }
  if (!facts.hasRoom(envelope.queue)) return unchanged('full')
  return {
    answer: 'fired',
    state: {
      ...marked,
      last: slot,
      message: envelope.id,
      fired: state.fired + 1,
      lag: facts.now - slot,
    },
  }
}

/**
 * What becomes of a decision to fire once the store was asked to take the message: it stands, unless the
 * message was known (the slot was fired before its mark was lost), or gave way to another one of its unique key.
 */
export function afterStoring(
  before: FireState,
  decided: FireDecision,
  status: SendStatus,
): FireDecision {
  if (status === 'stored' || (typeof status === 'object' && 'replaced' in status)) return decided
  const { fired, last, message, lag, skipped } = before
  if (status === 'known') return { answer: 'decided', state: { ...decided.state, fired } }
  const state = { ...decided.state, fired, last, message, lag, skipped: skipped + 1 }
  return { answer: 'skipped', state }
}

/**
 * The state of a plan that is adopted and new, or that begins anew (`again`: at the same times as before, so
 * that no slot comes twice).
 */
export function adoptedState(
  known: FireState | undefined,
  { mark, anchor }: Adoption,
  again: boolean = false,
): FireState {
  if (known !== undefined) {
    const from = again ? Math.max(known.mark, mark) : mark
    return { ...known, mark: from, anchor, waiting: null }
  }
  return {
    mark,
    anchor,
    last: null,
    message: null,
    waiting: null,
    fired: 0,
    missed: 0,
    skipped: 0,
    paused: false,
    lag: 0,
  }
}
