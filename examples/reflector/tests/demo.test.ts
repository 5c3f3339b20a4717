import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

const here = fileURLToPath(new URL('../', import.meta.url))
const run = promisify(execFile)

it('the demonstration comes out right, though a worker process is killed in each step', async () => {
  // As scripts/demo.mjs runs it, without building first.
  const args = ['--import', 'jiti/register', 'src/demo/main.ts', '--kill']
  const { stdout, stderr } = await run(process.execPath, args, { cwd: here, timeout: 110_000 })
  expect(stderr).toBe('')
  expect(stdout.match(/^ {2}✓ .*$/gm)).toEqual([
    '  ✓ the file and what follows it',
    '  ✓ the live recording and its nine steps',
    '  ✓ two voices told apart, 8 turns, in both',
    '  ✓ every event told once, the end of it last',
    '  ✓ one webhook arrived, signed',
    '  ✓ two messages on Zulip',
    '  ✓ a worker killed in each of 9 steps',
  ])
  expect(stdout).not.toContain('✗')
  expect(stdout).toMatch(/Speaker 2 {2}I looked at the pipeline yesterday\./)
  expect(stdout).toMatch(/^ {2}\d+ +process_messages$/m)
}, 120_000)
