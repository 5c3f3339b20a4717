/** The benchmark as a command, small: it runs, and what it writes adds up. Its numbers are not judged here. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'

interface Row {
  readonly peer: string
  readonly engine: string
  readonly perSecond: number | null
  readonly ratioToLimit: number | null
  readonly runs: number
  readonly failure: string | null
}

const folder = mkdtempSync(join(tmpdir(), 'taskwright-bench-test-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

it('measures ourselves beside the bare loop', { timeout: 240_000 }, () => {
  const file = join(folder, 'rows.json')
  const asked = ['--engine', 'memory,sqlite', '--scenario', 'process', '--json', file]
  const sizes = ['--runs', '1', '--tasks', '50']
  const output = execFileSync(process.execPath, ['scripts/bench.mjs', ...asked, ...sizes], {
    encoding: 'utf8',
    env: { ...process.env, CI: '' },
  })
  expect(output).toContain('share of the limit')
  const { rows } = JSON.parse(readFileSync(file, 'utf8')) as { rows: Row[] }
  expect(rows.filter(({ failure, runs }) => failure !== null || runs !== 1)).toEqual([])
  for (const engine of ['memory', 'sqlite']) {
    const ours = rows.filter((row) => row.engine === engine && row.peer === 'taskwright')
    const limited = ours.filter(({ ratioToLimit }) => ratioToLimit !== null)
    expect(limited.length).toBeGreaterThan(5)
    for (const { perSecond } of ours.filter((row) => row.perSecond !== null)) {
      expect(perSecond).toBeGreaterThan(0)
    }
  }
})
