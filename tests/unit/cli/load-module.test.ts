import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, dirname } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createBroker } from '../../../src/broker/create-broker.ts'
import { ModuleLoadError } from '../../../src/core/errors.ts'
import { explainLoadError, showPath } from '../../../src/worker/load-failure.ts'
import {
  describeExports,
  loadExport,
  loadModule,
  readTarget,
} from '../../../src/worker/load-module.ts'
import { nearestNames } from '../../../src/worker/nearest-names.ts'

let folder = ''

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'taskwright-load-'))
  vi.spyOn(process, 'cwd').mockReturnValue(folder)
})

afterEach(() => {
  vi.restoreAllMocks()
  rmSync(folder, { recursive: true, force: true })
})

function write(file: string, text: string): string {
  mkdirSync(dirname(join(folder, file)), { recursive: true })
  writeFileSync(join(folder, file), text)
  return join(folder, file)
}

async function messageOf(work: Promise<unknown>): Promise<string> {
  const error: unknown = await work.then(
    () => undefined,
    (found: unknown) => found,
  )
  expect(error).toBeInstanceOf(ModuleLoadError)
  return (error as Error).message
}

describe('loadModule', () => {
  it('loads TypeScript and JavaScript, by path and by URL, once', async () => {
    const typed = write('a.ts', 'enum A { X = 1 }\nexport const x: number = A.X')
    expect(await loadModule(typed)).toMatchObject({ x: 1 })
    expect(await loadModule(pathToFileURL(typed).href)).toBe(await loadModule(typed))
    expect(await loadModule(write('b.mjs', 'export const y = 2'))).toMatchObject({ y: 2 })
    expect(await loadModule(write('c.cts', 'module.exports = function make() {}'))).toEqual({
      default: expect.any(Function),
    })
  })

  it('names the place of what goes wrong', async () => {
    const bad = write('bad.ts', 'const a = 1\nconst b: = 2')
    expect(await messageOf(loadModule(bad))).toBe(
      './bad.ts:2:9: syntax error: Unexpected token. Mend this line.',
    )
    const top = write('top.ts', '\nconst a: number = 1\nthrow new RangeError(`no ${a}`)')
    expect(await messageOf(loadModule(top))).toMatch(
      /^\.\/top\.ts:3:7: the module threw while it was loaded: RangeError: no 1\n {4}at \.\/top\.ts:3:7\n/,
    )
    const first = write('first.ts', 'throw new Error("early")')
    expect(await messageOf(loadModule(first))).toMatch(/^\.\/first\.ts:1: the module threw/)
    const needs = write('needs.ts', "import { a } from 'not-installed'\nexport const b = a")
    expect(await messageOf(loadModule(needs))).toContain(
      "./needs.ts:1:19: the package 'not-installed' is not installed",
    )
  })

  it('suggests files', async () => {
    write('broker.ts', '')
    write('sub/tasks.ts', '')
    write('empty/.keep', '')
    const at = (file: string): Promise<string> => messageOf(loadModule(join(folder, file)))
    expect(await at('broker.js')).toContain('Did you mean ./broker.ts?')
    expect(await at('brokker.ts')).toContain('Did you mean ./broker.ts?')
    expect(await at('quite-different.ts')).toContain(`Paths are relative to ${folder}.`)
    expect(await at('sub')).toBe('./sub is a folder: name a file in it, such as ./sub/tasks.ts.')
    expect(await at('empty')).toBe('./empty is a folder: name a file in it.')
    expect(await at('none/tasks.ts')).toContain('the folder ./none does not exist')
    expect(await at('empty/.keep')).toContain(
      './empty/.keep is not a module: its name must end in .js',
    )
  })
})

describe('loadExport', () => {
  it('finds an export, or the one broker', async () => {
    const broker = createBroker('memory:')
    ;(globalThis as { testBroker?: unknown }).testBroker = broker
    const one = write(
      'one.ts',
      'export const broker = globalThis.testBroker\nexport default broker\nexport const size = 1',
    )
    expect(await loadExport(`${one}:size`)).toBe(1)
    expect(await loadExport(one)).toBe(broker)
    expect(await messageOf(loadExport(`${one}:sizes`))).toBe(
      `./one.ts does not export 'sizes'. Did you mean ${one}:size? Its brokers are broker, default; and it exports size.`,
    )
    expect(await messageOf(loadExport(`${one}:toString`))).toContain(
      "does not export 'toString'. Its",
    )
    const none = write('none.ts', 'export {}')
    expect(await messageOf(loadExport(none))).toBe(
      "./none.ts: It exports no broker and nothing else. Export one: export const broker = createBroker('sqlite:./tasks.db').",
    )
    const two = { default: broker, other: createBroker('memory:') }
    expect(describeExports(two)).toBe('Its brokers are default, other; and nothing else.')
    ;(globalThis as { testBrokers?: unknown }).testBrokers = two
    const many = write('many.ts', 'export const { default: main, other } = globalThis.testBrokers')
    expect(await messageOf(loadExport(many))).toContain(`Say which one: ${many}:main.`)
  })

  it('reads targets', () => {
    expect(readTarget('./a.ts:b')).toEqual({ file: './a.ts', name: 'b' })
    expect(readTarget('./a.ts')).toEqual({ file: './a.ts', name: undefined })
    expect(readTarget('C:\\a.ts')).toEqual({ file: 'C:\\a.ts', name: undefined })
    expect(readTarget('C:\\a.ts:$b1')).toEqual({ file: 'C:\\a.ts', name: '$b1' })
  })
})

/** Errors as Node throws them for native modules; a test runner has its own. */
describe('explainLoadError', () => {
  const explain = async (error: unknown, entry: string): Promise<string> =>
    (await explainLoadError(error, entry)).message
  const nodeError = (code: string, message: string, more: object = {}): Error =>
    Object.assign(new Error(message), { code, ...more })

  it('finds the import of what is missing', async () => {
    const entry = write(
      'a.mjs',
      "import './x.mjs'\nimport b from '@s/p/q'\nimport 'node:nothing'\n",
    )
    const missing = (what: string): Error =>
      nodeError('ERR_MODULE_NOT_FOUND', `Cannot find ${what} imported from ${entry}`)
    expect(await explain(missing(`module '${join(folder, 'x.mjs')}'`), entry)).toBe(
      './a.mjs:1:8: there is no file ./x.mjs. Mend the path of this import.',
    )
    expect(await explain(missing("package '@s/p'"), entry)).toBe(
      "./a.mjs: the package '@s/p' is not installed. Run: npm install @s/p",
    )
    const required = nodeError(
      'MODULE_NOT_FOUND',
      "Cannot find module '@s/p/q'\nRequire stack:\n- x",
      { requireStack: [entry] },
    )
    expect(await explain(required, 'other.ts')).toBe(
      "./a.mjs:2:15: the package '@s/p' is not installed. Run: npm install @s/p",
    )
    const builtin = nodeError('MODULE_NOT_FOUND', "Cannot find module 'node:nothing'")
    expect(await explain(builtin, entry)).toBe(
      `./a.mjs:3:8: this Node (${process.version}) has no 'node:nothing'.`,
    )
    expect(
      await explain(nodeError('MODULE_NOT_FOUND', 'something else'), join(folder, 'gone.ts')),
    ).toContain('./gone.ts: ')
  })

  it('says what TypeScript needs', async () => {
    const error = nodeError(
      'ERR_UNKNOWN_FILE_EXTENSION',
      `Unknown file extension ".ts" for ${join(folder, 'b.ts')}`,
    )
    expect(await explain(error, join(folder, 'a.mjs'))).toContain(
      './b.ts is imported by a JavaScript file',
    )
  })

  it('finds syntax errors that Node does not place', async () => {
    const entry = write(
      'a.mjs',
      "import './b.mjs'\nimport './a.mjs'\nimport './gone.mjs'\nimport './c.mjs'\n",
    )
    write('b.mjs', 'export const fine = 1\n')
    write('c.mjs', 'let x = 1\n\n  let x = 2\n')
    expect(await explain(new SyntaxError('twice'), entry)).toBe(
      './c.mjs:3:6: syntax error: twice. Mend this line.',
    )
    const link = new SyntaxError('no such export')
    link.stack = `${pathToFileURL(entry).href}:7\nimport { x }\n${String(link)}`
    expect(await explain(link, entry)).toBe('./a.mjs:7: no such export. Mend this import.')
    expect(await explain(new SyntaxError('from eval'), write('d.mjs', ''))).toContain(
      'SyntaxError: from eval',
    )
  })

  it('shows what was thrown, whatever it is', async () => {
    const entry = write('a.mjs', '')
    expect(await explain(Object.create(null), entry)).toBe(
      './a.mjs: the module threw while it was loaded: not an Error was thrown: {}',
    )
    const bare = new Error('bare')
    delete bare.stack
    expect(await explain(bare, entry)).toBe(
      './a.mjs: the module threw while it was loaded: Error: bare',
    )
    const native = new Error('native')
    native.stack = `Error: native\n    at async go (${pathToFileURL(entry).href}:4:9)\n    at node:internal/x:1:1\n    at f (${folder}/node_modules/x/i.js:1:1)`
    expect(await explain(native, entry)).toBe(
      './a.mjs:4:9: the module threw while it was loaded: Error: native\n    at go ./a.mjs:4:9',
    )
    const compiled = new Error('compiled')
    compiled.stack = `Error: compiled\n    at ${join(folder, 'gone.ts')}:4:9`
    expect(await explain(compiled, entry)).toContain('./gone.ts:4:9: ')
    expect(showPath('/elsewhere/a.ts')).toBe('/elsewhere/a.ts')
  })
})

describe('nearestNames', () => {
  it.each([
    ['math.ad', ['math.add', 'text.trim'], ['math.add']],
    ['ab', ['ba'], ['ba']],
    ['Broker', ['broker', 'Broke'], ['broker', 'Broke']],
    ['x', ['a', 'b'], []],
    ['task', ['tasks', 'tasked', 'asks', 'mask', 'bask'], ['bask', 'mask', 'tasks']],
  ])('%s of %j', (word, names, expected) => {
    expect(nearestNames(word, names)).toEqual(expected)
  })
})
