import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { ModuleLoadError } from '../core/errors.ts'
import { moduleEndings } from '../worker/load-module.ts'

/** Folders that hold no sources of the user's. Hidden ones are skipped too. */
const skipped: ReadonlySet<string> = new Set(['node_modules', 'dist', 'coverage'])

/**
 * The modules under the working directory whose path fits a glob (`**`, `*`, `?`, `{a,b}`), sorted.
 *
 * @throws ModuleLoadError when there is none: a worker without its tasks would set their messages aside.
 */
export function discoverFiles(pattern: string): readonly string[] {
  const fits = globPattern(pattern.replace(/^\.\//, ''))
  const found = filesUnder('.').filter((path) => fits.test(path))
  if (found.length > 0) return found.sort().map((path) => `./${path}`)
  throw new ModuleLoadError(
    `--fs-discover '${pattern}' fits no file under ${process.cwd()} (node_modules, dist and hidden folders are not searched). Quote the pattern, so that the shell leaves it alone.`,
  )
}

function filesUnder(folder: string): string[] {
  const found: string[] = []
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const { name } = entry
    const path = folder === '.' ? name : `${folder}/${name}`
    if (name.startsWith('.')) continue
    if (entry.isDirectory() && !skipped.has(name))
      found.push(...filesUnder(join(folder, name).replaceAll('\\', '/')))
    else if (entry.isFile() && isModule(name)) found.push(path)
  }
  return found
}

function isModule(name: string): boolean {
  return moduleEndings.some((ending) => name.endsWith(ending)) && !/\.d\.[cm]?ts$/.test(name)
}

/** The regular expression of a glob over paths with forward slashes. */
export function globPattern(glob: string): RegExp {
  let source = ''
  let depth = 0
  for (let i = 0; i < glob.length; i++) {
    const character = glob[i] ?? ''
    if (glob.startsWith('**/', i)) {
      source += '(?:[^/]+/)*'
      i += 2
    } else if (glob.startsWith('**', i)) {
      source += '.*'
      i += 1
    } else if (character === '*') source += '[^/]*'
    else if (character === '?') source += '[^/]'
    else if (character === '{') {
      depth++
      source += '(?:'
    } else if (character === '}' && depth > 0) {
      depth--
      source += ')'
    } else if (character === ',' && depth > 0) source += '|'
    else source += character.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')
  }
  return new RegExp(`^${source}${')'.repeat(depth)}$`)
}
