import type { ResultRow } from './result-rows.ts'
import type { Line, Scenario } from './scenario.ts'

/** How facts are shown. */
const units: Readonly<Record<string, (value: number) => string>> = {
  p50Ms: (ms) => `p50 ${short(ms)} ms`,
  p99Ms: (ms) => `p99 ${short(ms)} ms`,
  maxMs: (ms) => `max ${short(ms)} ms`,
  rssMb: (mb) => `rss ${Math.round(mb)} MB`,
  heapMb: (mb) => `heap ${Math.round(mb)} MB`,
  sendClient: (us) => `sent ${short(us)}`,
  sendStore: (us) => `+${short(us)} µs`,
  slowestMs: (ms) => `longest ${short(ms)} ms`,
  over5Ms: (count) => `${count} over 5 ms`,
  flat: (ratio) => `${percent(ratio)} of a small one`,
  bytesPerTask: (bytes) => `${Math.round(bytes)} B`,
  bytesPerThousand: (bytes) => `${Math.round(bytes)} B per 1,000`,
  handlesFirst: (count) => `handles ${count}`,
  handlesLast: (count) => `then ${count}`,
  listenersFirst: (count) => `listeners ${count}`,
  listenersLast: (count) => `then ${count}`,
}

/** The table of a scenario: a line for each contender of each of its lines, engines as columns. */
export function tableOf(
  scenario: Scenario,
  lines: readonly { readonly line: Line; readonly rows: readonly ResultRow[] }[],
  engines: readonly string[],
): string {
  const table: string[][] = [['', 'tasks', 'who', ...engines]]
  for (const { line, rows } of lines) {
    const peers = [...new Set(rows.map(({ peer }) => peer))].sort((a, b) => place(a) - place(b))
    for (const [i, peer] of peers.entries()) {
      const cells = engines.map((engine) => {
        const row = rows.find((one) => one.peer === peer && one.engine === engine)
        return row === undefined ? '–' : cellOf(row, line)
      })
      const first = i === 0 ? [line.label, line.tasks.toLocaleString('en')] : ['', '']
      table.push([...first, peer === 'raw' ? 'limit' : peer, ...cells])
    }
  }
  return `${scenario.title}\n${aligned(table)}`
}

/** Ourselves first, then the limit, then the others. */
function place(peer: string): number {
  if (peer === 'taskwright') return 0
  return peer === 'raw' ? 1 : 2
}

function cellOf(row: ResultRow, { shown = [] }: Line): string {
  if (row.runs === 0) return `failed: ${row.failure ?? 'no runs'}`
  const parts: string[] = []
  if (row.perSecond !== null) {
    parts.push(`${rate(row.perSecond)}/s`)
    if (row.runs > 1) parts.push(`(${rate(row.least ?? 0)}–${rate(row.most ?? 0)})`)
  }
  if (row.ratioToLimit !== null && row.peer !== 'raw') parts.push(percent(row.ratioToLimit))
  if (row.taskwrightToPeer !== null) parts.push(`ours ${short(row.taskwrightToPeer)}x`)
  if (row.clientMicroseconds !== null) {
    const store = row.storeMicroseconds === null ? '' : `+${short(row.storeMicroseconds)}`
    parts.push(`${short(row.clientMicroseconds)}${store} µs`)
  }
  for (const name of shown) {
    const value = row.facts[name]
    if (value !== undefined) parts.push(units[name]?.(value) ?? `${name} ${short(value)}`)
  }
  return parts.join(' ')
}

/** A table with columns as wide as their widest cell. */
function aligned(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  )
  const lines = rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  )
  return [lines[0], widths.map((width) => '─'.repeat(width)).join('──'), ...lines.slice(1)].join(
    '\n',
  )
}

function rate(perSecond: number): string {
  return perSecond >= 10_000 ? `${(perSecond / 1000).toFixed(1)}k` : String(Math.round(perSecond))
}

function percent(ratio: number): string {
  return `${Math.round(ratio * 100)} %`
}

function short(value: number): string {
  return value >= 100 ? String(Math.round(value)) : value.toPrecision(2)
}
