import { execFile, spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

const here = fileURLToPath(new URL('../', import.meta.url))
const run = promisify(execFile)

/** Runs the demonstration as scripts/demo.mjs does, without building first. Its checks, and all it said. */
async function demonstrate(...flags: string[]): Promise<{ checks: string[]; stdout: string }> {
  const args = ['--import', 'jiti/register', 'src/demo/main.ts', ...flags]
  const { REDIS_URL: _, ...env } = process.env
  const { stdout, stderr } = await run(process.execPath, args, { cwd: here, env, timeout: 110_000 })
  expect(stderr).toBe('')
  return { checks: stdout.match(/^ {2}[✓✗] .*$/gm) ?? [], stdout }
}

const right = [
  '  ✓ the file and what follows it',
  '  ✓ the live recording and its nine steps',
  '  ✓ two voices told apart, 8 turns, in both',
  '  ✓ every event told once, the end of it last',
  '  ✓ one webhook arrived, signed',
  '  ✓ two messages on Zulip',
]

it('the demonstration comes out right, though a worker process is killed in each step', async () => {
  const { checks, stdout } = await demonstrate('--kill')
  expect(checks).toEqual([...right, '  ✓ a worker killed in each of 9 steps'])
  expect(stdout).toMatch(/Speaker 2 {2}I looked at the pipeline yesterday\./)
  expect(stdout).toMatch(/^ {2}\d+ +process_messages$/m)
}, 120_000)

const redis = spawnSync('redis-server', ['--version']).status === 0
const reason = redis ? '' : ' (skipped: there is no redis-server)'

it.skipIf(!redis)(
  `it comes out right on Redis too${reason}`,
  async () => {
    expect((await demonstrate('--redis')).checks).toEqual(right)
  },
  120_000,
)

it.skipIf(!redis)(
  `a dozen transcripts at once end all, and nobody is told twice${reason}`,
  async () => {
    expect((await demonstrate('--redis', '--load', '12')).checks).toEqual([
      '  ✓ 12 ended',
      '  ✓ one webhook for each of 8 files',
      '  ✓ one message on Zulip for each of 12',
    ])
  },
  120_000,
)
