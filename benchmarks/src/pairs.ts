/**
 * Two contenders side by side: the same work by each in turn, one right after the other and in changing order,
 * so that what else the machine does weighs on both. What counts is CPU time per task, of the client and of
 * the store, as a ratio within each round.
 */
import type { BenchEngine } from './engine.ts'
import { inTurn, nameOf, onFreshStore, warmUp, type Bench } from './scenario.ts'
import { median } from './statistics.ts'
import type { Report } from './steps.ts'

/** What is compared. */
export interface Pair {
  readonly name: string
  readonly title: string
  /** Names of subjects, and what they are called in the table. */
  readonly base: PairSide
  readonly other: PairSide
}

interface PairSide {
  readonly peer: string
  readonly label: string
}

/** What a task with a limit costs that never binds. */
export const limitPair: Pair = {
  name: 'limit',
  title: 'Limit: a task with a concurrency limit that does not bind, beside one without',
  base: { peer: 'taskwright', label: 'without' },
  other: { peer: 'limited', label: 'with' },
}

/** This build beside that of another checkout. */
export function againstPair(folder: string): Pair {
  return {
    name: 'against',
    title: `Against: this build beside that of ${folder}`,
    base: { peer: 'against', label: 'there' },
    other: { peer: 'taskwright', label: 'here' },
  }
}

/** One half of the life of a task. */
const phases = ['send', 'process'] as const

/** What one phase came to in one round. */
interface Beside {
  readonly base: Report
  readonly other: Report
}

/** How the two compare in one phase on one engine. Ratios are other ÷ base. */
export interface PairRow {
  readonly pair: string
  readonly engine: string
  readonly phase: (typeof phases)[number] | 'both'
  readonly rounds: number
  readonly tasks: number
  readonly client: Ratio
  readonly store: Ratio
  /** Client and store together. */
  readonly cpu: Ratio
  /** Of the rates, which only a quiet machine tells. */
  readonly throughput: Ratio
}

/** Microseconds per task of each side (medians), and their ratio within rounds. */
interface Ratio {
  readonly base: number
  readonly other: number
  readonly ratio: number
  readonly least: number
  readonly most: number
}

/** Measures a pair on an engine. */
export async function runPair(
  bench: Bench,
  pair: Pair,
  of: { engine: BenchEngine; tasks: number; rounds: number; onRun: (what: string) => void },
): Promise<readonly PairRow[]> {
  const { engine, tasks, rounds, onRun } = of
  const found = new Map<PairRow['phase'], Beside[]>()
  for (let round = 0; round < rounds; round++) {
    const one = async (side: PairSide): Promise<readonly Report[]> => {
      onRun(`${side.label} on ${engine.name}, ${round + 1}/${rounds}`)
      return sendAndProcess(bench, { engine, peer: side.peer }, tasks)
    }
    const early = round % 2 === 0 ? undefined : await one(pair.other)
    const base = await one(pair.base)
    const other = early ?? (await one(pair.other))
    for (const [i, phase] of phases.entries()) {
      const beside = { base: base[i], other: other[i] }
      if (beside.base === undefined || beside.other === undefined) continue
      found.set(phase, [...(found.get(phase) ?? []), { base: beside.base, other: beside.other }])
    }
    found.set('both', [...(found.get('both') ?? []), { base: sum(base), other: sum(other) }])
  }
  return [...found].map(([phase, all]): PairRow => {
    const ratio = (value: (report: Report) => number): Ratio => ratioOf(all, value)
    return {
      pair: pair.name,
      engine: engine.name,
      phase,
      rounds,
      tasks,
      client: ratio(({ client }) => client),
      store: ratio(({ store }) => store),
      cpu: ratio(({ client, store }) => client + store),
      throughput: ratio(({ seconds }) => tasks / seconds),
    }
  })
}

function sendAndProcess(
  bench: Bench,
  { engine, peer }: { engine: BenchEngine; peer: string },
  tasks: number,
): Promise<readonly Report[]> {
  return onFreshStore(bench, { peer, engine }, (place) => {
    const warm = warmUp(tasks)
    const subject = nameOf({ peer, engine }, place, true)
    return inTurn(bench, { engine, subject }, [
      { kind: 'enqueue', way: 'together', tasks, warm },
      { kind: 'process', tasks, warm, concurrency: 100, prefetch: 100, sleep: 0 },
    ])
  })
}

function sum(reports: readonly Report[]): Report {
  const [first, ...rest] = reports
  if (first === undefined) throw new Error('a child process has measured nothing')
  return rest.reduce(
    (total, { seconds, client, store }) => ({
      ...total,
      seconds: total.seconds + seconds,
      client: total.client + client,
      store: total.store + store,
    }),
    first,
  )
}

function ratioOf(all: readonly Beside[], value: (report: Report) => number): Ratio {
  const ratios = all.map(({ base, other }) => value(other) / value(base))
  return {
    base: median(all.map(({ base }) => value(base))),
    other: median(all.map(({ other }) => value(other))),
    ratio: median(ratios),
    least: Math.min(...ratios),
    most: Math.max(...ratios),
  }
}

/** A line for each phase and engine. */
export function pairTable({ title, base, other }: Pair, rows: readonly PairRow[]): string {
  const head = ['engine', 'phase', `${base.label} µs`, `${other.label} µs`]
  const table = [[...head, 'client', 'store', 'client+store', 'throughput']]
  for (const { engine, phase, client, store, cpu, throughput } of rows) {
    const cost = (side: 'base' | 'other'): string =>
      `${client[side].toFixed(1)}+${store[side].toFixed(1)}`
    const ratios = [client, store, cpu, throughput].map(({ ratio, least, most }) =>
      Number.isFinite(ratio) ? `${ratio.toFixed(3)} (${least.toFixed(2)}–${most.toFixed(2)})` : '–',
    )
    table.push([engine, phase, cost('base'), cost('other'), ...ratios])
  }
  const widths = table[0]?.map((_, i) => Math.max(...table.map((row) => row[i]?.length ?? 0)))
  const lines = table.map((row) => row.map((cell, i) => cell.padEnd(widths?.[i] ?? 0)).join('  '))
  return `${title}\n${lines.join('\n')}`
}
