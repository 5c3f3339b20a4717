/**
 * A program of its own that uses the built package, as a user's would: a folder in which
 * `import 'taskwright'` finds a copy of `dist/`. A copy, so that a build beside a long run changes
 * nothing under it. The worker processes run from there, compiled once, so that they start fast.
 */
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript-5.9'

const here = dirname(fileURLToPath(import.meta.url))
const root = join(here, '../..')
const sources = join(here, 'worker')

/** A folder with the compiled harness and the package. */
export interface Program {
  readonly folder: string
  /** The compiled file of a source in `worker/`: `worker-process.ts`. */
  entry(source: string): string
  /** A new folder in it: for the files of one run. */
  scratch(name: string): string
  remove(): void
}

/** Makes a program; `remove` deletes it and everything in it. */
export function makeProgram(): Program {
  const folder = mkdtempSync(join(tmpdir(), 'taskwright-faults-'))
  const modules = join(folder, 'node_modules')
  const own = join(modules, 'taskwright')
  mkdirSync(own, { recursive: true })
  cpSync(join(root, 'dist'), join(own, 'dist'), { recursive: true })
  cpSync(join(root, 'package.json'), join(own, 'package.json'))
  for (const name of dependencies()) {
    mkdirSync(dirname(join(modules, name)), { recursive: true })
    symlinkSync(join(root, 'node_modules', name), join(modules, name), 'dir')
  }
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  for (const file of readdirSync(sources))
    writeFileSync(join(folder, file.replace(/\.ts$/, '.js')), compiled(join(sources, file)))
  return {
    folder,
    entry: (source) => join(folder, source.replace(/\.ts$/, '.js')),
    scratch: (name) => mkdtempSync(join(folder, `${name}-`)),
    remove: () => rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 }),
  }
}

/** A source as JavaScript, types taken out; or another text in its place. */
export function compiled(file: string, text: string = readFileSync(file, 'utf8')): string {
  const { outputText } = ts.transpileModule(text, {
    fileName: file,
    compilerOptions: {
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.ESNext,
      verbatimModuleSyntax: true,
      rewriteRelativeImportExtensions: true,
    },
  })
  return outputText
}

function dependencies(): string[] {
  const kinds = ['dependencies', 'optionalDependencies', 'peerDependencies'] as const
  const all = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Record<
    (typeof kinds)[number],
    Record<string, string>
  >
  return kinds.flatMap((kind) => Object.keys(all[kind]))
}
