import { fileURLToPath } from 'node:url'

/** Where something was defined. */
export interface DefinitionSite {
  readonly file: string
  readonly line: number
}

// Frames of this package itself: src/broker while developing, dist/lib when installed.
const ours = fileURLToPath(new URL('.', import.meta.url))

/** Enough for a definition deep in helpers of the user's own. */
const deepest = 32

/**
 * The file and line of the user's code that called into this package; `undefined` where there is
 * none (a REPL, `eval`, `node -e`).
 */
export function definitionSite(): DefinitionSite | undefined {
  for (const site of callSites()) {
    const name = site.getFileName() ?? site.getScriptNameOrSourceURL()
    const file = typeof name === 'string' ? pathOf(name) : undefined
    if (file === undefined || file.startsWith(ours)) continue
    return { file, line: site.getLineNumber() ?? 0 }
  }
  return undefined
}

/** The path of a module, however it was loaded; `undefined` for what is no file (`node:…`, `evalmachine`). */
export function pathOf(name: string): string | undefined {
  if (name.startsWith('file:')) {
    try {
      return fileURLToPath(name.replace(/[?#].*$/s, ''))
    } catch {
      return undefined
    }
  }
  return name.startsWith('/') || /^[A-Za-z]:[\\/]/.test(name) ? name : undefined
}

/**
 * Structured frames instead of the text of a stack: paths with spaces, brackets or a colon in them
 * need no guessing.
 */
function callSites(): readonly NodeJS.CallSite[] {
  const { stackTraceLimit } = Error
  const prepareStackTrace: unknown = Reflect.get(Error, 'prepareStackTrace')
  const holder: { stack?: unknown } = {}
  // Reflect.set: in a hardened realm, where Error is frozen, there are no frames and no throw either.
  Reflect.set(Error, 'stackTraceLimit', deepest)
  Reflect.set(Error, 'prepareStackTrace', (_: Error, sites: readonly NodeJS.CallSite[]) => sites)
  Error.captureStackTrace(holder, definitionSite)
  const sites = holder.stack
  Reflect.set(Error, 'stackTraceLimit', stackTraceLimit)
  Reflect.set(Error, 'prepareStackTrace', prepareStackTrace)
  return Array.isArray(sites) ? (sites as NodeJS.CallSite[]) : []
}
