/**
 * Runs every code block of the README and the docs.
 *
 * - ` ```ts ` blocks are type-checked by the project's compiler, then run, each in a process of its
 *   own, with the built package. One that begins with a comment naming a file (`// tasks.ts`) is that
 *   file of its page; of those, `main.ts` is run (in a page with a worker command, beside the worker),
 *   the others are imported.
 * - ` ```sh ` blocks: each line that begins with `npx taskwright` is run by the built command line, in the
 *   page's folder; `worker` commands until they say they are ready. `npm` lines are what CI itself runs,
 *   or would install the package from a registry: they are only checked to be known.
 */
import { execFile, execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, describe, expect, it } from 'vitest'

const root = new URL('../..', import.meta.url).pathname
const cli = join(root, 'dist/lib/main.js')
const work = mkdtempSync(join(root, 'tests', '.docs-'))
afterAll(() => rmSync(work, { recursive: true, force: true }))

interface Block {
  readonly language: string
  readonly code: string
  readonly line: number
}

interface Page {
  readonly path: string
  readonly folder: string
  readonly scripts: { readonly file: string; readonly line: number; readonly named: boolean }[]
  readonly commands: { readonly text: string; readonly line: number }[]
}

function markdownFiles(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return markdownFiles(path)
    return entry.name.endsWith('.md') ? [path] : []
  })
}

function blocksOf(text: string): Block[] {
  const blocks: Block[] = []
  let open: { language: string; lines: string[]; line: number } | undefined
  for (const [i, line] of text.split('\n').entries()) {
    if (open === undefined) {
      const fence = /^```(\w*)/.exec(line)
      if (fence !== null) open = { language: fence[1] ?? '', lines: [], line: i + 2 }
    } else if (line === '```') {
      blocks.push({ language: open.language, code: open.lines.join('\n'), line: open.line })
      open = undefined
    } else open.lines.push(line)
  }
  return blocks
}

function readPage(path: string): Page {
  const folder = join(work, relative(root, path).replaceAll(/[/.]/g, '-'))
  mkdirSync(folder)
  const page: Page = { path: relative(root, path), folder, scripts: [], commands: [] }
  const blocks = blocksOf(readFileSync(path, 'utf8'))
  for (const [i, { language, code, line }] of blocks.entries()) {
    if (language === 'ts') {
      const name = /^\/\/ ([\w./-]+\.ts)\b/.exec(code)?.[1]
      const file = join(folder, name ?? `block-${i}.ts`)
      mkdirSync(dirname(file), { recursive: true })
      writeFileSync(file, `${code}\nexport {}\n`)
      page.scripts.push({ file, line, named: name !== undefined })
    }
    if (language === 'sh') {
      for (const [j, text] of code.split('\n').entries()) {
        if (text.trim() !== '' && !text.startsWith('#'))
          page.commands.push({ text, line: line + j })
      }
    }
  }
  return page
}

const pages = ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md']
  .map((file) => join(root, file))
  .concat(markdownFiles(join(root, 'docs')))
  .map(readPage)
  .filter((page) => page.scripts.length > 0 || page.commands.length > 0)

// From the folder of the page, `taskwright` is the built package, by its own name.
const run = promisify(execFile)
const tsRunner = ['--import', join(root, 'node_modules/jiti/lib/jiti-register.mjs')]

async function execute(file: string, folder: string): Promise<string> {
  const { stdout } = await run(process.execPath, [...tsRunner, file], {
    cwd: folder,
    timeout: 45_000,
  })
  return stdout
}

/** Resolves when the worker says it is ready. */
function startWorker(args: readonly string[], folder: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, [cli, ...args], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let said = ''
  return new Promise((resolve, reject) => {
    const listen = (chunk: Buffer): void => {
      said += chunk.toString()
      if (/ready/i.test(said)) resolve(child)
    }
    child.stdout.on('data', listen)
    child.stderr.on('data', listen)
    child.on('exit', (code) => reject(new Error(`the worker ended (${String(code)}):\n${said}`)))
  })
}

async function stopWorker(child: ChildProcess): Promise<void> {
  child.removeAllListeners('exit')
  const gone = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGTERM')
  await gone
}

it('type-checks every block', () => {
  writeFileSync(
    join(work, 'tsconfig.json'),
    JSON.stringify({
      extends: '../../tsconfig.json',
      compilerOptions: { noUnusedLocals: false },
      include: ['**/*.ts'],
    }),
  )
  const compiler = join(root, 'node_modules/typescript/bin/tsc')
  const check = (): Buffer =>
    execFileSync(process.execPath, [compiler, '-p', work], { stdio: 'pipe' })
  let said = ''
  try {
    check()
  } catch (error) {
    said = String((error as { stdout?: Buffer }).stdout)
  }
  expect(said).toBe('')
})

describe.each(pages)('$path', ({ folder, scripts, commands }) => {
  const workers = commands.filter(({ text }) => text.startsWith('npx taskwright worker '))
  for (const { text, line } of commands) {
    if (workers.some((worker) => worker.line === line)) continue
    if (text.startsWith('npx taskwright ')) {
      it(`line ${line}: ${text}`, async () => {
        const { stdout } = await run(process.execPath, [cli, ...text.split(' ').slice(2)], {
          cwd: folder,
          timeout: 45_000,
        })
        expect(stdout).toBeTypeOf('string')
      })
    } else {
      it(`line ${line}: ${text} is a command of the project`, () => {
        expect(text).toMatch(
          /^(npm (test|run (demo|check|build|format|lint|types|bench|faults)|install|ci)\b|git clone |cd )/,
        )
      })
    }
  }
  for (const { file, line, named } of scripts) {
    if (named && !file.endsWith('/main.ts')) continue
    // At once: each waits for a process of its own most of the time.
    it.concurrent(`line ${line}: the block runs`, async () => {
      const needed = named ? workers : []
      const started = await Promise.all(
        needed.map(({ text }) => startWorker(text.split(' ').slice(2), folder)),
      )
      try {
        expect(await execute(file, folder)).toBeTypeOf('string')
      } finally {
        await Promise.all(started.map(stopWorker))
      }
    })
  }
})
