/** deploy/systemd and the Procfile: what they start is there, and is started rightly. */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { taskwright } from '../src/demo/processes.ts'

const here = fileURLToPath(new URL('../', import.meta.url))
const units = join(here, 'deploy/systemd')
const read = (file: string): string => readFileSync(file, 'utf8')

const commands = [
  ...read(join(here, 'Procfile')).trim().split('\n'),
  ...readdirSync(units).map((unit) => /^ExecStart=.*$/m.exec(read(join(units, unit)))?.[0] ?? ''),
]

it.each(commands)('%s: names files that are there', (command) => {
  const files = command.split(' ').filter((word) => word.startsWith('src/'))
  expect(files.length).toBeGreaterThan(0)
  for (const file of files) expect(existsSync(join(here, file.replace(/:\w+$/, '')))).toBe(true)
})

it.each(commands.filter((command) => command.includes('taskwright ')))(
  '%s: gives flags that the command line knows',
  (command) => {
    const [verb = '', ...rest] = (command.split('taskwright ')[1] ?? '').split(' ')
    const { stdout } = spawnSync(process.execPath, taskwright(verb, '--help'), { encoding: 'utf8' })
    const flags = rest.filter((word) => word.startsWith('--'))
    expect(flags).toContain('--log-format')
    expect(flags.filter((flag) => !stdout.includes(flag))).toEqual([])
  },
)

it('the worker has time to drain, and its children are not shot beside it', () => {
  const text = read(join(units, 'reflector-worker.service'))
  const drain = Number(/--shutdown-timeout (\d+)s/.exec(text)?.[1])
  expect(Number(/^TimeoutStopSec=(\d+)$/m.exec(text)?.[1])).toBeGreaterThan(drain)
  expect(text).toMatch(/^KillMode=mixed$/m)
})

it('SCENARIOS.md names tests that are there', () => {
  const files = [...read(join(here, 'SCENARIOS.md')).matchAll(/\((tests\/[\w./-]+)\)/g)]
  expect(new Set(files.map(([, file]) => file)).size).toBeGreaterThan(15)
  for (const [, file = ''] of files) expect(existsSync(join(here, file))).toBe(true)
})
