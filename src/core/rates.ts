import { InvalidInputError } from './errors.ts'

/**
 * How much may go in which time.
 *
 * - `bucket` (default): a token bucket. It holds `burst` tokens (default: `limit`) and gets `limit` new ones
 *   in each `per`, evenly. Kept as one number, by the generic cell rate algorithm (ITU-T I.371, 1993).
 * - `fixed`: at most `limit` in each window of `per`, counted from 1970 on: twice as much may go around the
 *   border of two windows.
 * - `sliding`: at most `limit` in any span of `per`. Keeps the moments of the last `limit`, so at most 10,000.
 */
export interface RateRule {
  readonly kind: 'bucket' | 'fixed' | 'sliding'
  readonly limit: number
  /** Milliseconds. */
  readonly per: number
  readonly burst?: number | undefined
}

/** What is asked for. */
export interface RateAsk {
  /** Holds unless another one was set for the key at run time. */
  readonly rule: RateRule
  /** At least 1, at most what may ever go at once. */
  readonly cost: number
  /** Milliseconds that the caller would wait. Where it takes longer, nothing is taken. */
  readonly most: number
}

/** What may go, and when. */
export interface RateAnswer {
  readonly granted: boolean
  /** Milliseconds from now: granted, the caller waits so long and then goes; otherwise how long it would take. */
  readonly wait: number
}

/** Limits of a rate over a fleet. What is granted is taken, also when it is for later: nobody else gets it. */
export interface Rates {
  take(key: string, ask: RateAsk): Promise<RateAnswer>
  /** Sets the rule of a key in place of what callers bring along; `null` lets that hold again. */
  setRule(key: string, rule: RateRule | null): Promise<void>
  /** Nothing more goes for so many milliseconds: what somebody else's limit said. What was granted stays so. */
  holdOff(key: string, ms: number): Promise<void>
}

/** What a key has come to. All times are milliseconds since 1970. */
export interface RateState {
  /** Of the bucket: when it would be full again, were nothing taken. */
  readonly tat: number
  /** Of windows: when the last one that has been given from begins, and how much of it is given. */
  readonly window: number
  readonly used: number
  /** Nothing goes before it. */
  readonly until: number
}

/** A key of which nothing was taken. */
export const freshRate: RateState = { tat: 0, window: 0, used: 0, until: 0 }

/** The most moments that a sliding limit keeps. */
const mostMoments = 10_000

/**
 * When `cost` may go, and what the key has come to then. `earlier` is asked by sliding limits: the moment
 * of the one so many before the last (0: the last), 0 where there is none.
 */
export function nextSlot(
  state: RateState,
  { rule, cost }: Pick<RateAsk, 'rule' | 'cost'>,
  at: { readonly now: number; readonly earlier: (before: number) => number },
): { readonly at: number; readonly state: RateState } {
  const { limit, per } = rule
  const start = Math.max(at.now, state.until)
  switch (rule.kind) {
    case 'bucket': {
      const each = per / limit
      const tat = Math.max(start, state.tat) + cost * each
      return { at: Math.max(start, tat - (rule.burst ?? limit) * each), state: { ...state, tat } }
    }
    case 'fixed': {
      const current = Math.floor(start / per) * per
      let { window, used } = state
      // Windows of another length begin elsewhere.
      if (window < current || window % per !== 0) [window, used] = [Math.max(current, window), 0]
      window = Math.floor(window / per) * per
      if (used + cost > limit) [window, used] = [window + per, 0]
      return { at: Math.max(start, window), state: { ...state, window, used: used + cost } }
    }
    case 'sliding': {
      const last = at.earlier(limit - cost)
      return { at: Math.max(start, last === 0 ? 0 : last + per), state }
    }
  }
}

/** @throws InvalidInputError for a rule that cannot be kept. */
export function checkRule({ kind, limit, per, burst }: RateRule): void {
  const most = kind === 'sliding' ? mostMoments : Number.MAX_SAFE_INTEGER
  const fits =
    ['bucket', 'fixed', 'sliding'].includes(kind) &&
    Number.isSafeInteger(limit) &&
    limit >= 1 &&
    limit <= most &&
    Number.isFinite(per) &&
    per >= 1 &&
    (burst === undefined || (kind === 'bucket' && Number.isSafeInteger(burst) && burst >= 1))
  if (fits) return
  throw new InvalidInputError(
    `a rate is 'bucket', 'fixed' or 'sliding', with a whole \`limit\` of 1 or more (sliding: at most ${mostMoments}), a \`per\` of 1 ms or more, and for a bucket a whole \`burst\`.`,
  )
}

/** The most that may ever go at once. */
export function mostAtOnce({ limit, burst }: RateRule): number {
  return burst ?? limit
}
