import type { Analysis } from './tasks.ts'

/** What was counted. */
export interface Counts {
  readonly sent: number
  readonly done: number
  readonly redelivered: number
  readonly lost: number
}

/** A bar that redraws itself on a terminal, and prints every quarter elsewhere. */
export function progressBar(total: number): {
  update(done: number): void
  note(text: string): void
} {
  const width = 32
  let drawn = -1
  const draw = (done: number): void => {
    const filled = Math.round((width * done) / total)
    const bar = '█'.repeat(filled) + '░'.repeat(width - filled)
    process.stdout.write(`\r  ${bar} ${String(done).padStart(String(total).length)}/${total} `)
  }
  return {
    update(done) {
      const quarter = Math.floor((4 * done) / total)
      if (process.stdout.isTTY) draw(done)
      else if (quarter > Math.floor((4 * Math.max(0, drawn)) / total))
        console.log(`  ${done}/${total}`)
      if (process.stdout.isTTY && done === total) process.stdout.write('\n')
      drawn = done
    },
    note(text) {
      if (process.stdout.isTTY) process.stdout.write(`\r${' '.repeat(width + 14)}\r`)
      console.log(`  ${text}`)
      if (process.stdout.isTTY) draw(Math.max(0, drawn))
    },
  }
}

/** The results, one line for each section in the order of the document. */
export function printResults(results: readonly Analysis[]): void {
  const rows = results.map((one) => [
    one.title,
    String(one.words),
    String(one.sentences),
    String(one.longestSentence),
    one.richness.toFixed(2),
    `${one.readingSeconds} s`,
    one.topWords.join(', '),
    String(one.pid) + (one.redeliveries > 0 ? ' (again)' : ''),
  ])
  const titles = [
    'section',
    'words',
    'sentences',
    'longest',
    'richness',
    'to read',
    'about',
    'process',
  ]
  const right = new Set([1, 2, 3, 4, 5])
  const widths = titles.map((title, i) =>
    Math.max(title.length, ...rows.map((row) => row[i]?.length ?? 0)),
  )
  const line = (row: readonly string[]): string =>
    row
      .map((cell, i) =>
        right.has(i) ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0),
      )
      .join('  ')
      .trimEnd()
  console.log(`\n  ${line(titles)}`)
  console.log(`  ${widths.map((width) => '─'.repeat(width)).join('  ')}`)
  for (const row of rows) console.log(`  ${line(row)}`)
}

/** The summary of the document and of the run. */
export function printCounts(
  results: readonly Analysis[],
  { sent, done, redelivered, lost }: Counts,
): void {
  const words = results.reduce((sum, one) => sum + one.words, 0)
  const seconds = results.reduce((sum, one) => sum + one.readingSeconds, 0)
  console.log(
    `\n  ${words} words in ${results.length} sections, ${Math.round(seconds / 60)} minutes to read\n`,
  )
  const counts = { sent, done, redelivered, lost }
  for (const [title, count] of Object.entries(counts)) {
    console.log(`  ${title.padEnd(12)}${String(count).padStart(4)}`)
  }
}
