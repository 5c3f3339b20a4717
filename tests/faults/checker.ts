/**
 * Judges a run by its ledger, in the manner of Jepsen's total-queue: what goes in must come out, once
 * in effect, and by its holder only. A pure function of the facts and of what the store holds when
 * everything has drained.
 *
 * Its times are those of the writers. A fact may be written later than it happened (its process was
 * stopped in between), never earlier; every rule below holds in spite of that.
 */
import { Claims, inStoreOrder, type ClaimLife } from './claims.ts'
import type { Entry, RunEnd } from './worker/ledger.ts'
import { spreadOf, type Spread } from './spread.ts'

/** What the store says of a message when everything has drained. */
export interface FinalState {
  /** `null`: neither message nor result nor dead letter. */
  readonly status: string | null
  /** Of a dead letter. */
  readonly reason?: string | undefined
  /** The run whose value the result is. */
  readonly run?: string | undefined
}

/** What is judged. */
export interface CheckInput {
  readonly entries: readonly Entry[]
  readonly finals: ReadonlyMap<string, FinalState>
  /** The most runs at once, by the name that `start` facts carry. */
  readonly limits?: Readonly<Record<string, number>> | undefined
}

/** What was found. Lists name ids: each is an anomaly. */
export interface Verdict {
  readonly attempted: number
  readonly acknowledged: number
  readonly refused: number
  /** Sends that were not answered, and those of them that were found done. */
  readonly unknown: number
  readonly recovered: number
  readonly succeeded: number
  readonly cancelled: number
  readonly dead: Readonly<Record<string, number>>
  readonly runs: number
  /** Handlers that ended well beyond the first of their message: at least once, not exactly once. */
  readonly duplicates: number
  /** Claims held by processes at the moment in which they were killed: the most duplicates there may be. */
  readonly inFlight: number
  readonly kills: number
  /** Runs beside a live one whose process was stopped or blocked: a lease cannot prevent them. */
  readonly shadows: number
  readonly lost: readonly string[]
  readonly phantom: readonly string[]
  readonly doubleSettled: readonly string[]
  readonly staleSettles: readonly string[]
  readonly runAfterEnd: readonly string[]
  readonly overlaps: readonly string[]
  readonly disorder: readonly string[]
  readonly overshoot: readonly string[]
  /** Callbacks that began before all of their set were done. */
  readonly premature: readonly string[]
  /** Milliseconds from the death of a holder to the next claim of what it held. */
  readonly recovery: Spread
}

/** The anomalies of a verdict that are never allowed. */
export const anomalies = [
  'lost',
  'phantom',
  'doubleSettled',
  'staleSettles',
  'runAfterEnd',
  'overlaps',
  'disorder',
  'overshoot',
  'premature',
] as const satisfies readonly (keyof Verdict)[]

/** One of {@link anomalies}. */
export type Anomaly = (typeof anomalies)[number]

/** A handler's run. */
interface HandlerRun {
  readonly id: string
  readonly run: string
  readonly pid: number
  readonly startedAt: number
  readonly limit: string | undefined
  /** The claim under which it ran: the last one of its process. */
  readonly claim: ClaimLife | undefined
  endedAt: number
  how: RunEnd | undefined
}

const finals: ReadonlySet<string | null> = new Set(['succeeded', 'failed', 'cancelled', 'dead'])

/** Judges. */
export function check(input: CheckInput): Verdict {
  const claims = new Claims(input.entries)
  const runs = runsOf(input.entries, claims)
  const sends = sendsOf(input.entries)
  const { shadows, overlaps } = besideEachOther(runs, claims)
  const okRuns = runs.filter(({ how }) => how === 'ok')
  const dead: Record<string, number> = {}
  for (const { reason } of input.finals.values()) {
    if (reason !== undefined) dead[reason] = (dead[reason] ?? 0) + 1
  }
  const countOf = (wanted: string): number =>
    [...input.finals.values()].filter(({ status }) => status === wanted).length
  const ended = (id: string): boolean => finals.has(input.finals.get(id)?.status ?? null)
  const unknown = [...sends.attempted].filter(
    (id) => !sends.acknowledged.has(id) && !sends.refused.has(id),
  )
  const seen = [...runs.map(({ id }) => id), ...claims.ids(), ...input.finals.keys()]
  return {
    attempted: sends.attempted.size,
    acknowledged: sends.acknowledged.size,
    refused: sends.refused.size,
    unknown: unknown.length,
    recovered: unknown.filter(ended).length,
    succeeded: countOf('succeeded'),
    cancelled: countOf('cancelled'),
    dead,
    runs: runs.length,
    duplicates: okRuns.length - new Set(okRuns.map(({ id }) => id)).size,
    inFlight: claims.heldAtDeath().length,
    kills: claims.kills,
    shadows: shadows.length,
    lost: unique([
      ...[...sends.acknowledged].filter((id) => !ended(id)),
      // What was claimed was stored, whoever was told of it.
      ...claims.ids().filter((id) => !ended(id)),
      ...unfounded(input, okRuns),
      ...neverCalled(input),
    ]),
    phantom: unique(
      seen.filter((id) => !sends.attempted.has(id) && input.finals.get(id)?.status !== null),
    ),
    doubleSettled: unique(claims.settledTwice()),
    staleSettles: unique([...claims.staleSettles(), ...staleResults(input, runs)]),
    runAfterEnd: unique(claims.claimedAfterEnd()),
    overlaps: unique(overlaps),
    disorder: disorderOf(input.entries, okRuns),
    overshoot: overshootOf(runs, input.limits ?? {}),
    premature: prematureOf(input, runs),
    recovery: spreadOf(claims.recoveries()),
  }
}

/** Anomalies of a verdict, as lines to read; `allowed` ones are left out. */
export function faultsOf(verdict: Verdict, allowed: readonly Anomaly[] = []): string[] {
  return anomalies
    .filter((name) => verdict[name].length > 0 && !allowed.includes(name))
    .map((name) => `${name}: ${verdict[name].length} (${verdict[name].slice(0, 5).join(', ')})`)
}

function runsOf(entries: readonly Entry[], claims: Claims): HandlerRun[] {
  const runs = new Map<string, HandlerRun>()
  for (const entry of entries) {
    if (entry.kind === 'start') {
      const { id, run, pid, at, limit } = entry
      const claim = claims.lastOf(pid, id, at)
      const endedAt = claims.goneAt(pid)
      runs.set(run, { id, run, pid, startedAt: at, limit, claim, endedAt, how: undefined })
    } else if (entry.kind === 'end') {
      const run = runs.get(entry.run)
      if (run === undefined) continue
      run.endedAt = entry.at
      run.how = entry.how
    }
  }
  return [...runs.values()]
}

function sendsOf(entries: readonly Entry[]) {
  const attempted = new Set<string>()
  const acknowledged = new Set<string>()
  const refused = new Set<string>()
  for (const entry of entries) {
    if (entry.kind === 'attempt') attempted.add(entry.id)
    else if (entry.kind === 'ack') acknowledged.add(entry.id)
    else if (entry.kind === 'refused') refused.add(entry.id)
  }
  // Refused once and stored by another attempt: stored.
  for (const id of acknowledged) refused.delete(id)
  return { attempted, acknowledged, refused }
}

/** Two live holders of one message: a run began while another one, whose claim still stood, was under way. */
function besideEachOther(
  runs: readonly HandlerRun[],
  claims: Claims,
): { shadows: string[]; overlaps: string[] } {
  const shadows: string[] = []
  const overlaps: string[] = []
  const open = new Map<string, HandlerRun[]>()
  for (const run of runs) {
    const at = run.startedAt
    const others = (open.get(run.id) ?? []).filter(({ endedAt }) => endedAt > at)
    for (const { claim } of others) {
      if (claim === undefined || run.claim === undefined || claim === run.claim) continue
      // Whose claim is the older one should not be there any more, whoever began first.
      const [stale, next] =
        inStoreOrder(claim, run.claim) < 0 ? [claim, run.claim] : [run.claim, claim]
      // Whoever asks to settle has ended his run.
      if (Math.min(stale.heldUntil, stale.askedAt) <= at) continue
      const excused = claims.hindered(stale.pid, { from: Math.min(stale.at, next.at), to: at })
      if (excused) shadows.push(run.id)
      else overlaps.push(run.id)
    }
    others.push(run)
    open.set(run.id, others)
  }
  return { shadows, overlaps }
}

/** Results that no run of the ledger has made. */
function unfounded({ finals: states }: CheckInput, okRuns: readonly HandlerRun[]): string[] {
  const done = new Set(okRuns.map(({ run }) => run))
  return [...states].flatMap(([id, { status, run }]) =>
    status === 'succeeded' && run !== undefined && !done.has(run) ? [id] : [],
  )
}

/** Results of a run whose settle was refused. */
function staleResults({ finals: states }: CheckInput, runs: readonly HandlerRun[]): string[] {
  const byRun = new Map(runs.map((run) => [run.run, run]))
  return [...states].flatMap(([id, { run }]) => {
    const answer = run === undefined ? undefined : byRun.get(run)?.claim?.answer
    return answer === undefined || answer === 'settled' || answer === 'gone' ? [] : [id]
  })
}

/** Messages of one key whose first success came before that of an earlier one. */
function disorderOf(entries: readonly Entry[], okRuns: readonly HandlerRun[]): string[] {
  const first = new Map<string, number>()
  for (const { id, endedAt } of okRuns) first.set(id, Math.min(first.get(id) ?? Infinity, endedAt))
  const keys = new Map<string, { id: string; seq: number }[]>()
  for (const entry of entries) {
    if (entry.kind !== 'attempt' || entry.key === undefined || entry.seq === undefined) continue
    const line = keys.get(entry.key) ?? []
    line.push({ id: entry.id, seq: entry.seq })
    keys.set(entry.key, line)
  }
  return [...keys.values()].flatMap((line) => {
    let latest = -Infinity
    return line
      .sort((a, b) => a.seq - b.seq)
      .filter(({ id }) => {
        const at = first.get(id)
        if (at === undefined) return false
        const early = at < latest
        latest = Math.max(latest, at)
        return early
      })
      .map(({ id }) => id)
  })
}

/** Runs that began while their limit was reached. */
function overshootOf(
  runs: readonly HandlerRun[],
  limits: Readonly<Record<string, number>>,
): string[] {
  return Object.entries(limits).flatMap(([name, most]) => {
    let open: HandlerRun[] = []
    return runs.flatMap((run) => {
      if (run.limit !== name) return []
      open = open.filter(({ endedAt }) => endedAt > run.startedAt)
      open.push(run)
      return open.length > most ? [run.id] : []
    })
  })
}

/** Sets of members and the callbacks that wait for them. */
function groupsOf(entries: readonly Entry[]) {
  const sets = new Map<string, Set<string>>()
  const callbacks = new Map<string, string>()
  const doneAt = new Map<string, number>()
  for (const entry of entries) {
    if (entry.kind === 'member' && !doneAt.has(entry.id)) doneAt.set(entry.id, entry.at)
    if (entry.kind !== 'attempt') continue
    if (entry.joins !== undefined) callbacks.set(entry.id, entry.joins)
    if (entry.group === undefined) continue
    sets.set(entry.group, (sets.get(entry.group) ?? new Set()).add(entry.id))
  }
  return { sets, callbacks, doneAt }
}

/** Callbacks that began before each of their set had done its share. */
function prematureOf({ entries }: CheckInput, runs: readonly HandlerRun[]): string[] {
  const { sets, callbacks, doneAt } = groupsOf(entries)
  return unique(
    runs.flatMap(({ id, startedAt }) => {
      const set = sets.get(callbacks.get(id) ?? '')
      if (set === undefined) return []
      return [...set].every((child) => (doneAt.get(child) ?? Infinity) <= startedAt) ? [] : [id]
    }),
  )
}

/** Sets that are done and whose callback nobody has ever sent. */
function neverCalled({ entries, finals: states }: CheckInput): string[] {
  const { sets, callbacks } = groupsOf(entries)
  const called = new Set(callbacks.values())
  return [...sets]
    .filter(
      ([group, set]) =>
        !called.has(group) && [...set].every((id) => states.get(id)?.status === 'succeeded'),
    )
    .map(([group]) => group)
}

function unique(ids: readonly string[]): string[] {
  return [...new Set(ids)]
}
