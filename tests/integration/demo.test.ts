/** The main job as a user runs it: what it prints and how it ends. */
import { execFile } from 'node:child_process'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

const root = join(dirname(fileURLToPath(import.meta.url)), '../..')
const run = promisify(execFile)

it('the demo loses nothing when a worker process is killed in the middle of a task', async () => {
  // As scripts/demo.mjs runs it, without building first.
  const args = ['--import', 'jiti/register', 'examples/text-analysis/main.ts']
  const { stdout } = await run(process.execPath, args, { cwd: root, timeout: 55_000 })
  expect(stdout).toMatch(/killed process \d+ \(SIGKILL\) in the middle of a task/)
  const count = (name: string): number =>
    Number(new RegExp(`^ {2}${name} +(\\d+)$`, 'm').exec(stdout)?.[1])
  expect(count('sent')).toBe(24)
  expect(count('done')).toBe(24)
  expect(count('lost')).toBe(0)
  expect(count('redelivered')).toBeGreaterThan(0)
  const again = stdout.match(/\d+ \(again\)$/gm) ?? []
  expect(again).toHaveLength(count('redelivered'))
  expect(stdout).toContain('3 worker processes were started')
  expect(stdout.match(/^ {2}The runner +\d+ +\d+ +\d+ +0\.\d\d +\d+ s +message, /m)).not.toBeNull()
})

it('the quickstart greets', async () => {
  const { mkdtemp, rm } = await import('node:fs/promises')
  const { tmpdir } = await import('node:os')
  const folder = await mkdtemp(join(tmpdir(), 'taskwright-quickstart-'))
  const { pathToFileURL } = await import('node:url')
  const register = pathToFileURL(join(root, 'node_modules/jiti/lib/jiti-register.mjs')).href
  const args = ['--import', register, join(root, 'examples/quickstart/main.ts')]
  try {
    const { stdout } = await run(process.execPath, args, { cwd: folder, timeout: 30_000 })
    expect(stdout).toBe('hello Ada\n')
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})
