import { execFileSync } from 'node:child_process'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { brokerFile, makeProject } from './cli-process.ts'

/** A description, the files of the project, what is loaded, and what is said. */
type Case = readonly [string, Record<string, string>, string, string | RegExp]

const cases: readonly Case[] = [
  [
    'a syntax error in TypeScript',
    { 'b.ts': 'const a: number = 1\nexport const f = (: 3\n' },
    'b.ts:f',
    'MODULE_LOAD ./b.ts:2:18: syntax error: Unexpected token. Mend this line.',
  ],
  [
    'a syntax error in JavaScript',
    { 'b.mjs': 'const a = 1\nexport const f = (: 3\n' },
    'b.mjs:f',
    "MODULE_LOAD ./b.mjs:2:18: syntax error: Unexpected token ':'. Mend this line.",
  ],
  [
    'a syntax error in an import of JavaScript',
    { 'b.mjs': 'import "./c.mjs"\n', 'c.mjs': 'let x = 1\nlet x = 2\n' },
    'b.mjs:f',
    "MODULE_LOAD ./c.mjs:2:4: syntax error: Identifier 'x' has already been declared. Mend this line.",
  ],
  [
    'a missing package in TypeScript',
    { 'b.ts': "\nimport { a } from '@scope/none/sub'\nexport const b = a\n" },
    'b.ts:b',
    "MODULE_LOAD ./b.ts:2:19: the package '@scope/none' is not installed. Run: npm install @scope/none",
  ],
  [
    'a missing package in JavaScript',
    { 'b.mjs': "import a from 'none'\nexport const b = a\n" },
    'b.mjs:b',
    "MODULE_LOAD ./b.mjs:1:15: the package 'none' is not installed. Run: npm install none",
  ],
  [
    'a missing file in TypeScript',
    { 'b.ts': "import './tasks.ts'\n" },
    'b.ts:b',
    'MODULE_LOAD ./b.ts:1:8: there is no file ./tasks.ts. Mend the path of this import.',
  ],
  [
    'a missing file in JavaScript',
    { 'b.mjs': "import './tasks.js'\n" },
    'b.mjs:b',
    'MODULE_LOAD ./b.mjs:1:8: there is no file ./tasks.js. Mend the path of this import.',
  ],
  [
    'an import that is not exported',
    { 'b.mjs': "\nimport { nope } from 'taskwright'\nexport const b = nope\n" },
    'b.mjs:b',
    "MODULE_LOAD ./b.mjs:2: The requested module 'taskwright' does not provide an export named 'nope'. Mend this import.",
  ],
  [
    'TypeScript imported by JavaScript',
    { 'b.mjs': "import './c.ts'\n", 'c.ts': 'export const c: number = 1\n' },
    'b.mjs:b',
    /^MODULE_LOAD \.\/c\.ts is imported by a JavaScript file, and this Node \(v20/,
  ],
  [
    'an error thrown at the top',
    {
      'b.ts':
        'interface A { a: 1 }\n\nfunction open(): never {\n  throw new Error("no database")\n}\nopen()\n',
    },
    'b.ts:b',
    'MODULE_LOAD ./b.ts:4:9: the module threw while it was loaded: Error: no database\n    at open ./b.ts:4:9\n    at ./b.ts:6:1',
  ],
  [
    'something thrown that is no error',
    { 'b.mjs': 'throw "no"\n' },
    'b.mjs:b',
    'MODULE_LOAD ./b.mjs: the module threw while it was loaded: not an Error was thrown: no',
  ],
  [
    'a file that is not there',
    { 'broker.ts': '' },
    './brokr.ts:broker',
    'MODULE_LOAD there is no file ./brokr.ts. Did you mean ./broker.ts?',
  ],
  [
    'a file with another ending',
    { 'broker.ts': '' },
    './broker.js:broker',
    'MODULE_LOAD there is no file ./broker.js. Did you mean ./broker.ts?',
  ],
  [
    'a folder that is not there',
    {},
    'src/broker.ts:broker',
    'MODULE_LOAD there is no file src/broker.ts: the folder ./src does not exist. Paths are relative to <cwd>.',
  ],
  [
    'a folder',
    { 'src/broker.ts': '' },
    'src:broker',
    'MODULE_LOAD ./src is a folder: name a file in it, such as ./src/broker.ts.',
  ],
  [
    'a file of another kind',
    { 'broker.py': '' },
    'broker.py:broker',
    /^MODULE_LOAD \.\/broker\.py is not a module: its name must end in \.js,/,
  ],
  [
    'an export that is not there',
    { 'broker.ts': `${brokerFile}export const size = 1` },
    './broker.ts:brokr',
    "MODULE_LOAD ./broker.ts does not export 'brokr'. Did you mean ./broker.ts:broker? Its broker is broker; and it exports size.",
  ],
  [
    'an export that is not a broker',
    { 'broker.ts': `${brokerFile}export const size = 1` },
    './broker.ts:size',
    "MODULE_LOAD ./broker.ts: 'size' is a number, not a broker. Its broker is broker; and it exports size. Make one with createBroker(…).",
  ],
  [
    'a task in place of a broker',
    {
      'broker.ts': `${brokerFile}export const t = broker.task('t', async () => { throw new Error('was run') })`,
    },
    'broker.ts:t',
    /^MODULE_LOAD \.\/broker\.ts: 't' is a task, not a broker\./,
  ],
  [
    'no export named, and no broker',
    { 'broker.ts': 'export const size = 1' },
    'broker.ts',
    /^MODULE_LOAD \.\/broker\.ts: It exports no broker and it exports size\. Export one:/,
  ],
  [
    'no export named, and two brokers',
    { 'broker.ts': `${brokerFile}export const other = createBroker('memory:')` },
    'broker.ts',
    'MODULE_LOAD ./broker.ts: Its brokers are broker, other; and nothing else. Say which one: broker.ts:broker.',
  ],
  [
    'a database that is not there',
    {},
    'sqlite:./none.db',
    'MODULE_LOAD there is no file ./none.db (paths are relative to <cwd>). It is made when the first task is sent.',
  ],
  [
    'a URL that nobody knows',
    {},
    'redsi://localhost',
    /^DEFINITION cannot make a broker of a URL with 'redsi:'\. Known: memory:, sqlite:/,
  ],
]

/** One process loads them all, each in a folder of its own: starting one for each takes a minute. */
const script = `
  import { openBroker } from 'taskwright-dist/cli/load-broker.js'
  import { readFileSync } from 'node:fs'
  const messages = []
  const home = process.cwd()
  for (const [folder, target] of JSON.parse(readFileSync(0, 'utf8'))) {
    process.chdir(home + '/' + folder)
    messages.push(await openBroker(target).then(() => 'loaded', (error) => error.code + ' ' + error.message))
  }
  console.log(JSON.stringify(messages))`
const dist = new URL('../../../dist', import.meta.url).href

describe('a file that does not load', () => {
  it('is explained by file, line and mend', () => {
    const project = makeProject()
    const input = cases.map(([, files, target], i) => {
      project.write(`case-${i}/.keep`, '')
      for (const [file, text] of Object.entries(files)) project.write(`case-${i}/${file}`, text)
      return [`case-${i}`, target]
    })
    const output = execFileSync(
      process.execPath,
      ['--input-type=module', '--eval', script.replaceAll('taskwright-dist', dist)],
      { cwd: project.folder, encoding: 'utf8', input: JSON.stringify(input) },
    )
    const messages = JSON.parse(output) as string[]
    const seen = Object.fromEntries(
      cases.map(([name], i) => [
        name,
        messages[i]?.replaceAll(`${project.folder}/case-${i}`, '<cwd>'),
      ]),
    )
    // A text stands for itself; a pattern, where a version or a list follows, for what it fits.
    const expected = cases.map(([name, , , text]) => {
      const said = seen[name] ?? ''
      return [name, typeof text === 'string' ? text : (text.exec(said)?.input ?? String(text))]
    })
    expect(seen).toEqual(Object.fromEntries(expected))
  })

  it('says what an error of ours says, where it was thrown', async () => {
    const project = makeProject({
      'b.ts':
        "import { createBroker } from 'taskwright'\n\nexport const b = createBroker('redsi://x')\n",
    })
    const { stderr } = await project.run(['queues', 'b.ts:b'])
    expect(stderr).toMatch(
      /^error: \.\/b\.ts:3:30: DefinitionError: cannot make a broker of a URL with 'redsi:'/,
    )
  })

  it('is what the command prints, and it ends with 1', async () => {
    const project = makeProject({ 'b.ts': 'const a: number = 1\nexport const f = (: 3\n' })
    const { code, stderr } = await project.run(['queues', 'b.ts:f'])
    expect(code).toBe(1)
    expect(stderr).toBe('error: ./b.ts:2:18: syntax error: Unexpected token. Mend this line.\n')
  })

  it('stops a worker at once, whatever the number of its processes', async () => {
    const project = makeProject({ 'broker.ts': brokerFile, 'tasks.ts': 'const a = (: 1' })
    const { code, stderr } = await project.run(['worker', 'broker.ts', 'tasks.ts', '--workers=3'])
    expect(code).toBe(1)
    expect(stderr).toMatch(/^\S+ error \.\/tasks\.ts:1:\d+: syntax error/)
    expect(stderr.match(/syntax error/g)).toHaveLength(1)
  })
})

it.each(['user.ts', 'user.mjs'])(
  '%s gets the very package that the command line runs on',
  async (file) => {
    const code = `import { createBroker } from 'taskwright'\nexport const broker = createBroker('memory:')\n`
    const project = makeProject({ [file]: code })
    const coverage = project.path('coverage')
    const { code: exit } = await project.run(['queues', `${file}:broker`], {
      NODE_V8_COVERAGE: coverage,
    })
    expect(exit).toBe(0)
    const loaded = readdirSync(coverage).flatMap((name) => {
      const report = JSON.parse(readFileSync(join(coverage, name), 'utf8')) as {
        result: { url: string }[]
      }
      return report.result.map(({ url }) => url)
    })
    const ours = loaded.filter((url) => url.includes('/dist/') && !url.includes('/node_modules/'))
    expect(ours.length).toBeGreaterThan(5)
    expect(ours.filter((url) => !url.includes('/dist/lib/'))).toEqual([])
    expect(ours).toEqual([...new Set(ours)])
  },
)
