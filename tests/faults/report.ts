import { execFileSync } from 'node:child_process'
import { cpus, totalmem, release } from 'node:os'
import type { Verdict } from './checker.ts'
import type { Outcome, Tier } from './row.ts'

/** One line of the report. */
export interface Line extends Outcome {
  /** `1`, `control no-fence`, `48`. */
  readonly row: string
  readonly fault: string
  readonly engine: string
  readonly seconds: number
}

/** A whole report, as it is written to a file. */
export interface Report {
  readonly command: string
  readonly tier: Tier
  readonly seed: number
  readonly commit: string
  readonly machine: string
  readonly lines: readonly Line[]
}

/** What was tested, and where; the lines come later. */
export function headOf(of: { command: string; tier: Tier; seed: number }): Report {
  const [cpu] = cpus()
  const machine =
    `${cpus().length} × ${cpu?.model.trim() ?? 'cpu'}, ${Math.round(totalmem() / 2 ** 30)} GB, ` +
    `${process.platform} ${release()}, Node ${process.versions.node}`
  return { ...of, commit: commit(), machine, lines: [] }
}

/** The commit that is checked out, with a mark where the sources are not what it holds. */
function commit(): string {
  const git = (...args: string[]): string => execFileSync('git', args, { encoding: 'utf8' }).trim()
  try {
    const changed = git('status', '--porcelain', '--', 'src', 'tests/faults') !== ''
    return git('rev-parse', '--short=10', 'HEAD') + (changed ? ' with changes' : '')
  } catch {
    return 'unknown'
  }
}

const columns: readonly (readonly [string, (line: Line) => string])[] = [
  ['row', ({ row }) => row],
  ['fault', ({ fault }) => fault],
  ['engine', ({ engine }) => engine],
  ['acked', ofVerdict(({ acknowledged }) => acknowledged)],
  ['kills', ofVerdict(({ kills }) => kills)],
  ['lost', ofVerdict(({ lost }) => lost.length)],
  [
    'duplicates (in flight)',
    ofVerdict(({ duplicates, inFlight }) => `${duplicates} (${inFlight})`),
  ],
  ['stale settles', ofVerdict(({ staleSettles }) => staleSettles.length)],
  ['overlaps (shadows)', ofVerdict(({ overlaps, shadows }) => `${overlaps.length} (${shadows})`)],
  ['dead', ofVerdict(({ dead }) => textOf(dead))],
  ['rescue p50/p99/max ms', ofVerdict(({ recovery: { p50, p99, max } }) => `${p50}/${p99}/${max}`)],
  ['also', ({ facts }) => textOf(facts)],
  ['s', ({ seconds }) => String(Math.round(seconds))],
  [
    '',
    ({ faults, skipped }) =>
      skipped === undefined ? (faults.length === 0 ? 'ok' : 'FAILED') : 'skipped',
  ],
]

/** The report as a page: what was run, one table, and what failed. */
export function renderReport({ command, tier, seed, commit: of, machine, lines }: Report): string {
  const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  const table = [
    row(columns.map(([name]) => name)),
    row(columns.map(() => '---')),
    ...lines.map((line) => row(columns.map(([, cell]) => cell(line).replaceAll('|', '\\|')))),
  ]
  const failures = lines.flatMap(({ row: id, faults }) =>
    faults.map((what) => `- row ${id}: ${what}`),
  )
  const skips = lines.flatMap(({ row: id, skipped }) =>
    skipped === undefined ? [] : [`- row ${id} was skipped: ${skipped}`],
  )
  return [
    `Commit ${of}, tier ${tier}, seed ${seed}. ${machine}.`,
    `Again: \`${command}\``,
    '',
    ...table,
    ...(failures.length + skips.length === 0 ? [] : ['', ...failures, ...skips]),
  ].join('\n')
}

/** Whether nothing failed. */
export function isGreen({ lines }: Report): boolean {
  return lines.length > 0 && lines.every(({ faults }) => faults.length === 0)
}

function ofVerdict(cell: (verdict: Verdict) => string | number): (line: Line) => string {
  return ({ verdict }) => (verdict === undefined ? '–' : String(cell(verdict)))
}

function textOf(values: Readonly<Record<string, unknown>>): string {
  const texts = Object.entries(values).map(([name, value]) => `${name} ${String(value)}`)
  return texts.length === 0 ? '–' : texts.join(', ')
}
