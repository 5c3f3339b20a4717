/** The package as its users get it: what is exported, what the tarball holds, and what importing it costs. */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const importLimit = 60
/** Milliseconds that a hundred empty modules take on an idle machine. */
const idleControl = 20
const patience = 60_000
const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const packageJson = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  bin: Record<string, string>
  exports: Record<string, string | { types: string; default: string }>
}
const faces = Object.entries(packageJson.exports).flatMap(([subpath, entry]) =>
  typeof entry === 'string'
    ? []
    : [{ name: subpath.replace(/^\./, 'taskwright'), subpath, ...entry }],
)

describe('exports', () => {
  it('name every face of src/ and nothing else', () => {
    const folders = readdirSync(join(root, 'src')).filter((name) =>
      existsSync(join(root, 'src', name, 'index.ts')),
    )
    const subpaths = ['.', ...folders.map((name) => `./${name}`)]
    expect(faces.map(({ subpath }) => subpath).sort()).toEqual(subpaths.sort())
  })

  it.each(faces)(
    '$name has its types and loads by import and by require',
    ({ name, types, default: file }) => {
      expect(existsSync(join(root, types))).toBe(true)
      expect(existsSync(join(root, file))).toBe(true)
      const imported = evaluate(`console.log(JSON.stringify(Object.keys(await import('${name}'))))`)
      const required = evaluate(
        `import { createRequire } from 'node:module'
       const found = createRequire(process.cwd() + '/package.json')('${name}')
       console.log(JSON.stringify(Object.keys(found).filter((key) => key !== '__esModule')))`,
      )
      const names = JSON.parse(imported) as string[]
      expect(names).not.toContain('default')
      expect(names.length).toBeGreaterThan(0)
      expect(JSON.parse(required)).toEqual(names)
    },
  )

  it.each(Object.entries(packageJson.bin))('the command %s starts with a shebang', (_, file) => {
    expect(readFileSync(join(root, file), 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/)
  })
})

describe("import 'taskwright'", () => {
  it('loads no other package', () => {
    const loaded = scriptsLoadedBy(`await import('taskwright')`)
    expect(loaded.some((url) => url.includes('/dist/lib/'))).toBe(true)
    expect(packagesIn(loaded)).toEqual([])
  })

  it('would be seen to load one', () => {
    expect(packagesIn(scriptsLoadedBy(`await import('croner')`))).toEqual(['croner'])
    expect(packagesIn(scriptsLoadedBy(`await import('commander')`))).toEqual(['commander'])
  })

  it(
    `takes less than ${importLimit} ms, on a machine that is not slowed down`,
    () => {
      // The least of many, since whatever else the machine does can only add to it; and measured beside a
      // hundred empty modules, which say how slow files and modules are here and now.
      const empty = mkdtempSync(join(tmpdir(), 'taskwright-empty-'))
      const names = Array.from({ length: 100 }, (_, i) => `module-${i}.mjs`)
      for (const name of names) writeFileSync(join(empty, name), 'export {}\n')
      const control = join(empty, 'all.mjs')
      writeFileSync(control, names.map((name) => `import './${name}'\n`).join(''))
      const time = (specifier: string): number =>
        Number(
          evaluate(
            `const start = performance.now()
           await import(${JSON.stringify(specifier)})
           console.log(performance.now() - start)`,
          ),
        )
      let ours = Infinity
      let theirs = Infinity
      for (let i = 0; i < 15 && !(ours < importLimit); i++) {
        theirs = Math.min(theirs, time(control))
        ours = Math.min(ours, time('taskwright'))
      }
      rmSync(empty, { recursive: true, force: true })
      expect(ours).toBeLessThan(importLimit * Math.max(1, theirs / idleControl))
    },
    patience,
  )
})

describe('the tarball', () => {
  it(
    'holds dist/, the licence, the readme and the changelog, and every exported file',
    { timeout: patience },
    () => {
      const output = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
        cwd: root,
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      })
      const [packed] = JSON.parse(output) as { files: { path: string }[] }[]
      const paths = packed?.files.map(({ path }) => path) ?? []
      const beside = paths.filter((path) => !path.startsWith('dist/')).sort()
      expect(beside).toEqual(['CHANGELOG.md', 'LICENSE', 'README.md', 'package.json'])
      const named = [
        ...faces.flatMap((face) => [face.types, face.default]),
        ...Object.values(packageJson.bin),
      ]
      expect(paths).toEqual(expect.arrayContaining(named.map((path) => path.replace('./', ''))))
    },
  )

  it('is bundled from files that mirror src/, with maps', () => {
    const sources = filesIn('src').filter((name) => name.endsWith('.ts'))
    const expected = sources.flatMap((name) => {
      const stem = name.replace(/\.ts$/, '')
      return [`${stem}.js`, `${stem}.js.map`, `${stem}.d.ts`, `${stem}.d.ts.map`]
    })
    const compiled = filesIn('dist').filter((name) => !name.startsWith('lib/'))
    expect(compiled).toEqual(expected.sort())
  })
})

/** What an ES module prints when it runs in the project's root, in a process of its own. */
function evaluate(code: string, env: NodeJS.ProcessEnv = {}): string {
  return execFileSync(process.execPath, ['--input-type=module', '--eval', code], {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'ignore'],
    timeout: patience,
  })
}

/** The address of every script, ES module or CommonJS, that Node's own coverage saw in the process. */
function scriptsLoadedBy(code: string): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'taskwright-loaded-'))
  try {
    evaluate(code, { NODE_V8_COVERAGE: folder })
    return readdirSync(folder).flatMap((name) => {
      const report = JSON.parse(readFileSync(join(folder, name), 'utf8')) as {
        result: { url: string }[]
      }
      return report.result.map(({ url }) => url)
    })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function packagesIn(urls: readonly string[]): string[] {
  const names = urls.map(
    (url) => /\/node_modules\/((?:@[^/]+\/)?[^/]+)\/(?!.*\/node_modules\/)/.exec(url)?.[1],
  )
  return [...new Set(names.filter((name) => name !== undefined))].sort()
}

function filesIn(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(join(root, folder).length + 1))
    .sort()
}
