/** docs/operations.md: its commands are taken by the command line, and its metrics are there. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, it } from 'vitest'
import { broker } from '../src/broker.ts'
import { taskwright } from '../src/demo/processes.ts'
import { metricsText } from '../src/metrics/prometheus.ts'
import { setStage } from './stage.ts'

const here = fileURLToPath(new URL('../', import.meta.url))
const page = readFileSync(join(here, '../../docs/operations.md'), 'utf8')
const commands = [...page.matchAll(/`taskwright ([^`]+ src\/[^`]+)`/g)].map(([, line = '']) => line)
const folder = mkdtempSync(join(tmpdir(), 'reflector-runbook-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** The exit code; 2 says that the command line is wrong. */
function run(line: string): { status: number | null; stdout: string; stderr: string } {
  const env = {
    ...process.env,
    TASKWRIGHT_URL: `sqlite:${join(folder, 'tasks.db')}`,
    DATABASE_URL: `sqlite:${join(folder, 'reflector.db')}`,
  }
  const options = { cwd: here, env, encoding: 'utf8' } as const
  return spawnSync(process.execPath, taskwright(...line.split(' ')), options)
}

it('every command of the runbook is one', () => {
  const sent = run('send src/broker.ts:broker ping --module src/tasks/all.ts')
  expect(sent.stderr).toBe('')
  const id = sent.stdout.trim()
  expect(commands.length).toBeGreaterThan(5)
  for (const line of new Set(commands)) {
    // Nobody is here to be asked.
    const sure = line.startsWith('purge') ? ' --yes' : ''
    const { status, stderr } = run(line.replace(/\bID\b/, id) + sure)
    expect([line, status, stderr]).not.toEqual([line, 2, expect.anything()])
  }
})

it('every metric of the runbook is one', async () => {
  const stage = await setStage({ mode: 'inline' })
  const known = await metricsText({ db: stage.db, broker, slots: 1 })
  await stage.end()
  const named = new Set([...page.matchAll(/reflector_\w+/g)].map(([name]) => name))
  expect(named.size).toBeGreaterThanOrEqual(4)
  for (const name of named) expect(known).toContain(`# TYPE ${name} `)
})
