import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { readLedgers } from '../../faults/worker/ledger.ts'

it('tells processes apart that had the same number one after the other', () => {
  const folder = mkdtempSync(join(tmpdir(), 'taskwright-ledger-'))
  try {
    const write = (name: string, ...lines: object[]): void =>
      writeFileSync(join(folder, name), lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
    write(
      '1-1.jsonl',
      { at: 10, pid: 1, kind: 'spawned', target: 7 },
      { at: 20, pid: 1, kind: 'gone', target: 7, how: 'SIGKILL' },
      { at: 30, pid: 1, kind: 'spawned', target: 7 },
      { at: 50, pid: 1, kind: 'fault', fault: 'stop', target: 7 },
      { at: 60, pid: 1, kind: 'spawned', target: 8 },
    )
    write('7-11.jsonl', { at: 12, pid: 7, kind: 'note', what: 'first' })
    // Written down before the one that started it came to say so.
    write(
      '7-29.jsonl',
      { at: 29, pid: 7, kind: 'note', what: 'early' },
      { at: 40, pid: 7, kind: 'note', what: 'second' },
    )
    const entries = readLedgers(folder)
    expect(entries.map(({ at }) => at)).toEqual([10, 12, 20, 29, 30, 40, 50, 60])
    const noted = (what: string): number | undefined =>
      entries.find((entry) => entry.kind === 'note' && entry.what === what)?.pid
    const targets = entries.flatMap((entry) => ('target' in entry ? [entry.target] : []))
    expect(noted('first')).toBe(7)
    expect(noted('second')).not.toBe(7)
    expect(noted('early')).toBe(noted('second'))
    expect(targets).toEqual([7, 7, noted('second'), noted('second'), 8])
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
