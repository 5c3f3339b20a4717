import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import vm from 'node:vm'
import { afterAll, expect, it, vi } from 'vitest'
import { definitionSite, pathOf } from '../../../src/broker/definition-site.ts'

const here = fileURLToPath(import.meta.url)
const folder = mkdtempSync(join(tmpdir(), 'taskwright-site-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

it('is the file of whoever calls', () => {
  expect(definitionSite()).toMatchObject({ file: here, line: expect.any(Number) })
})

it('reads names of modules, whatever is in their paths', () => {
  expect(pathOf('file:///a%20b/(group)/t.ts?x=1#y')).toBe('/a b/(group)/t.ts')
  expect(pathOf('/a b/t.ts')).toBe('/a b/t.ts')
  expect(pathOf('C:\\a\\t.ts')).toBe('C:\\a\\t.ts')
  expect(pathOf('d:/a/t.ts')).toBe('d:/a/t.ts')
  for (const name of ['node:vm', 'evalmachine.<anonymous>', '', 'file://host/%zz', '[eval]'])
    expect(pathOf(name)).toBeUndefined()
})

it('is found in modules with odd names, loaded by Node or under another name', async () => {
  const odd = join(folder, 'a b (c) [d] ü')
  mkdirSync(odd)
  const file = join(odd, 'täsk s.mjs')
  writeFileSync(file, '\n\nexport const at = (site) => site()\n')
  const url = pathToFileURL(file).href
  const { at } = (await import(/* @vite-ignore */ url)) as { at: (f: () => unknown) => unknown }
  expect(at(definitionSite)).toMatchObject({ file })
  // As jiti runs a module.
  const run = vm.runInThisContext('(site) => site()', { filename: file }) as typeof at
  expect(run(definitionSite)).toMatchObject({ file, line: 1 })
})

it('is none where there is no file, and leaves Error as it was', () => {
  const prepare: unknown = Reflect.get(Error, 'prepareStackTrace')
  const limit = Error.stackTraceLimit
  const capture = vi.spyOn(Error, 'captureStackTrace').mockImplementation((holder) => {
    Reflect.set(holder, 'stack', 'Error: text alone, as in a hardened realm')
  })
  expect(definitionSite()).toBeUndefined()
  const own = (name: string | undefined): unknown => ({
    getFileName: () => undefined,
    getScriptNameOrSourceURL: () => name,
    getLineNumber: () => null,
  })
  capture.mockImplementation((holder) =>
    Reflect.set(holder, 'stack', [own(undefined), own('/u.js')]),
  )
  expect(definitionSite()).toEqual({ file: '/u.js', line: 0 })
  capture.mockRestore()
  expect(Reflect.get(Error, 'prepareStackTrace')).toBe(prepare)
  expect(Error.stackTraceLimit).toBe(limit)
})
