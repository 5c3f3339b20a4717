/**
 * The shape of the house, checked. The floors are the table of ARCHITECTURE.md as data; every rule is shown to catch a
 * planted violation before it is trusted with the real sources.
 */
import { readFileSync, readdirSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript-5.9'
import { describe, expect, it } from 'vitest'

/** A folder imports itself and the floors below. `.` stands for the files at the top of src/. */
const floors: Readonly<Record<number, readonly string[]>> = {
  6: ['.', 'testing', 'cli'],
  5: ['worker', 'workflows', 'scheduler', 'monitoring', 'dashboard', 'migrate'],
  4: ['broker'],
  3: ['memory', 'sqlite', 'redis', 'postgres', 'rabbitmq', 'nats', 'celery'],
  2: ['codecs', 'cron', 'dependencies', 'middlewares', 'connections', 'coalescing', 'graphs'],
  1: ['core'],
}
const maxLines = 400
const forbiddenNames = [
  'utils',
  'util',
  'helpers',
  'helper',
  'common',
  'manager',
  'types',
  'interfaces',
]
const timeSources = ['core/clock.ts', 'core/random.ts']

type Sources = ReadonlyMap<string, string>
interface Import {
  readonly specifier: string
  readonly typeOnly: boolean
  /** The file it leads to, as a path in src/; undefined for packages. */
  readonly target: string | undefined
}
interface Rule {
  readonly name: string
  readonly violations: (sources: Sources) => string[]
  /** Sources that break the rule, once for every expected violation. */
  readonly planted: Readonly<Record<string, string>>
  readonly caught: readonly string[]
}

const rules: readonly Rule[] = [
  {
    name: 'every import leads to the same folder or a lower floor',
    violations: (sources) =>
      eachImport(sources, (file, { specifier, target }) => {
        if (target === undefined)
          return isOwnName(specifier) ? `imports the package by name` : undefined
        const [from, to] = [floorOf(file), floorOf(target)]
        if (from === undefined) return `is in a folder without a floor`
        if (to === undefined) return `imports ${target}, which is on no floor`
        if (folderOf(file) === folderOf(target) || to < from) return undefined
        return `(floor ${from}) imports ${target} (floor ${to})`
      }),
    planted: {
      'core/a.ts': `import type { B } from '../broker/b.ts'`,
      'codecs/c.ts': `export const load = () => import('../cron/c.ts')`,
      'redis/r.ts': `import { s } from '../sqlite/s.ts'`,
      'worker/w.ts': `export { x } from '../scheduler/x.ts'`,
      'broker/t.ts': `type X = import('../worker/w.ts').X`,
      'broker/fine.ts': `import { r } from '../redis/r.ts'\nimport { t } from './t.ts'`,
      'cli/n.ts': `import { broker } from 'taskwright'`,
      'shelf/z.ts': `import { a } from '../core/a.ts'`,
      'cli/comment.ts': `// import { a } from '../testing/a.ts'\nconst text = \`import '../testing/a.ts'\``,
    },
    caught: [
      'core/a.ts',
      'codecs/c.ts',
      'redis/r.ts',
      'worker/w.ts',
      'broker/t.ts',
      'cli/n.ts',
      'shelf/z.ts',
    ],
  },
  {
    name: 'core imports nothing from outside at run time',
    violations: (sources) =>
      eachImport(sources, (file, { specifier, target, typeOnly }) => {
        const outside = folderOf(file) === 'core' && target === undefined && !typeOnly
        return outside ? `imports ${specifier}` : undefined
      }),
    planted: {
      'core/hash.ts': `import { createHash } from 'node:crypto'`,
      'core/cron.ts': `const cron = await import('croner')`,
      'core/kept.ts': `import { type A } from 'pino'`,
      'core/fine.ts': `import type { Readable } from 'node:stream'\ntype A = import('pino').A`,
      'worker/fine.ts': `import { cpus } from 'node:os'`,
    },
    caught: ['core/hash.ts', 'core/cron.ts', 'core/kept.ts'],
  },
  {
    name: 'imports form no circle, type imports included',
    violations: circles,
    planted: {
      'core/a.ts': `import type { B } from './b.ts'`,
      'core/b.ts': `import { c } from './c.ts'`,
      'core/c.ts': `export { a } from './a.ts'`,
      'core/d.ts': `import { a } from './a.ts'`,
    },
    caught: ['core/a.ts'],
  },
  {
    name: 'only the faces of the package re-export',
    violations: (sources) =>
      eachFile(sources, (file, text) => {
        if (faces().includes(file)) return undefined
        const reexport = parse(file, text).statements.find(
          (node) => ts.isExportDeclaration(node) && node.moduleSpecifier !== undefined,
        )
        return reexport ? `re-exports: ${reexport.getText().split('\n')[0]}` : undefined
      }),
    planted: {
      'core/index.ts': `export * from './a.ts'`,
      'worker/all.ts': `export type { A } from './a.ts'`,
      'index.ts': `export { a } from './core/a.ts'`,
      'memory/index.ts': `export * from './a.ts'`,
      'core/a.ts': `const a = 1\nexport { a }`,
    },
    caught: ['core/index.ts', 'worker/all.ts'],
  },
  {
    name: 'files are kebab-case and named after the one thing in them',
    violations: (sources) =>
      eachFile(sources, (file) => {
        const names = file.replace(/\.ts$/, '').split('/')
        const odd = names.find((name) => !/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name))
        if (odd !== undefined) return `is not kebab-case`
        const vague = names.find((name) =>
          forbiddenNames.some((word) => name.split('-').includes(word)),
        )
        return vague === undefined ? undefined : `has the name "${vague}", which says nothing`
      }),
    planted: {
      'core/retryPolicy.ts': '',
      'core/types.ts': '',
      'worker/queue-manager.ts': '',
      'broker/utils/a.ts': '',
      'core/retry-policy.ts': '',
      'sqlite/v2.ts': '',
    },
    caught: [
      'core/retryPolicy.ts',
      'core/types.ts',
      'worker/queue-manager.ts',
      'broker/utils/a.ts',
    ],
  },
  {
    name: `no file is longer than ${maxLines} lines`,
    violations: (sources) =>
      eachFile(sources, (_, text) => {
        const lines = text.trimEnd().split('\n').length
        return lines > maxLines ? `has ${lines} lines` : undefined
      }),
    planted: { 'core/long.ts': 'x\n'.repeat(maxLines + 1), 'core/fine.ts': 'x\n'.repeat(maxLines) },
    caught: ['core/long.ts'],
  },
  {
    name: 'the current time is read from the clock alone',
    violations: (sources) =>
      eachFile(sources, (file, text) => {
        if (timeSources.includes(file)) return undefined
        const readsTime = (node: ts.Node): boolean =>
          (ts.isNewExpression(node) &&
            node.expression.getText() === 'Date' &&
            !node.arguments?.length) ||
          (ts.isCallExpression(node) && node.expression.getText() === 'Date') ||
          ts.forEachChild(node, readsTime) === true
        return readsTime(parse(file, text)) ? `reads the time with Date()` : undefined
      }),
    planted: {
      'worker/now.ts': `const started = new Date()`,
      'worker/old.ts': `const text = () => [Date()]`,
      'worker/fine.ts': `const at = new Date(0)`,
      'core/clock.ts': `const at = new Date()`,
    },
    caught: ['worker/now.ts', 'worker/old.ts'],
  },
]

describe.each(rules)('$name', ({ violations, planted, caught }) => {
  it('catches planted violations and nothing else', () => {
    const found = violations(new Map(Object.entries(planted)))
    expect(found.map((line) => line.split(' ')[0])).toEqual(caught)
  })

  it('holds in src/', () => {
    expect(violations(sourcesOf(sourceFolder))).toEqual([])
  })
})

it('every folder of src/ has a floor, and src/ holds code', () => {
  const folders = new Set([...sourcesOf(sourceFolder).keys()].map(folderOf))
  expect(folders.size).toBeGreaterThan(0)
  expect([...folders].filter((folder) => !Object.values(floors).flat().includes(folder))).toEqual(
    [],
  )
})

function floorOf(file: string): number | undefined {
  const found = Object.entries(floors).find(([, folders]) => folders.includes(folderOf(file)))
  return found && Number(found[0])
}

function folderOf(file: string): string {
  return file.includes('/') ? file.slice(0, file.indexOf('/')) : '.'
}

function isOwnName(specifier: string): boolean {
  return specifier === 'taskwright' || specifier.startsWith('taskwright/')
}

/** The entry files that package.json exports. */
function faces(): string[] {
  const exported = Object.values(packageJson.exports)
  return exported.flatMap((entry) =>
    typeof entry === 'string'
      ? []
      : [entry.types.replace('./dist/', '').replace(/\.d\.ts$/, '.ts')],
  )
}

function eachFile(
  sources: Sources,
  check: (file: string, text: string) => string | undefined,
): string[] {
  return [...sources].flatMap(([file, text]) => {
    const fault = check(file, text)
    return fault === undefined ? [] : [`${file} ${fault}`]
  })
}

function eachImport(
  sources: Sources,
  check: (file: string, found: Import) => string | undefined,
): string[] {
  return [...sources].flatMap(([file, text]) =>
    importsOf(file, text).flatMap((found) => {
      const fault = check(file, found)
      return fault === undefined ? [] : [`${file} ${fault}`]
    }),
  )
}

/** Static, type, side-effect and dynamic imports, `import()` types and re-exports. */
function importsOf(file: string, text: string): Import[] {
  const found: Import[] = []
  const add = (literal: ts.Node | undefined, typeOnly: boolean): void => {
    if (literal === undefined || !ts.isStringLiteralLike(literal)) return
    const specifier = literal.text
    const target = specifier.startsWith('.')
      ? posix.join(posix.dirname(file), specifier)
      : undefined
    found.push({ specifier, typeOnly, target })
  }
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node))
      add(node.moduleSpecifier, node.importClause?.isTypeOnly === true)
    else if (ts.isExportDeclaration(node)) add(node.moduleSpecifier, node.isTypeOnly)
    else if (ts.isImportTypeNode(node))
      add(ts.isLiteralTypeNode(node.argument) ? node.argument.literal : undefined, true)
    else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword)
      add(node.arguments[0], false)
    ts.forEachChild(node, visit)
  }
  visit(parse(file, text))
  return found
}

function parse(file: string, text: string): ts.SourceFile {
  return ts.createSourceFile(file, text, ts.ScriptTarget.ES2023, true)
}

/** One line for every circle, starting at the file where the search entered it. */
function circles(sources: Sources): string[] {
  const targets = (file: string): string[] =>
    importsOf(file, sources.get(file) ?? '').flatMap(({ target }) =>
      target && sources.has(target) ? [target] : [],
    )
  const found: string[] = []
  const done = new Set<string>()
  const walk = (file: string, path: readonly string[]): void => {
    if (path.includes(file)) found.push([...path.slice(path.indexOf(file)), file].join(' → '))
    if (path.includes(file) || done.has(file)) return
    for (const target of targets(file)) walk(target, [...path, file])
    done.add(file)
  }
  for (const file of sources.keys()) walk(file, [])
  return found
}

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const sourceFolder = join(root, 'src')
const packageJson = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  exports: Record<string, string | { types: string }>
}

function sourcesOf(folder: string): Sources {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.ts'),
  )
  const files = names.map((name) => name.replaceAll('\\', '/')).sort()
  return new Map(files.map((name) => [name, readFileSync(join(folder, name), 'utf8')]))
}
