/** The browser for the page: found, or said to be missing. */
import { execFileSync } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, it } from 'vitest'

const root = join(dirname(fileURLToPath(import.meta.url)), '../../..')
const module = JSON.stringify(join(root, 'scripts/browser.mjs'))
let folder: string
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'taskwright-browser-'))))
afterEach(() => rmSync(folder, { recursive: true }))

function find(environment: Record<string, string>): {
  environment?: Record<string, string>
  missing?: string
} {
  const options = JSON.stringify({ environment: { PATH: folder, ...environment }, isRoot: false })
  const source = `import { findBrowser } from ${module}
    console.log(JSON.stringify(findBrowser(${options})))`
  const said = execFileSync(process.execPath, ['--input-type=module', '-e', source])
  return JSON.parse(String(said)) as ReturnType<typeof find>
}

it('is the one that the environment names', () => {
  expect(find({ CHROMIUM: '/elsewhere/chromium' })).toEqual({ environment: {} })
})

it('is one that is on PATH, under any of its names', () => {
  const program = join(folder, 'google-chrome')
  writeFileSync(program, '')
  chmodSync(program, 0o755)
  expect(find({})).toEqual({ environment: { CHROMIUM: program } })
})

it('is said to be missing, with what is not run', () => {
  const { missing } = find({})
  expect(missing).toMatch(/^Chromium: CHROMIUM is not set, and there is no chromium on PATH/)
  expect(missing).toContain('Not run: the page of the reference application')
})
