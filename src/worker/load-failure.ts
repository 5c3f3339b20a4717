import { readFileSync } from 'node:fs'
import { dirname, extname, isAbsolute, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isBuiltin, SourceMap, type SourceMapPayload } from 'node:module'
import { errorData } from '../core/error-data.ts'
import { ModuleLoadError, TaskwrightError } from '../core/errors.ts'

/*
 * Node and jiti tell of a module that does not load in five different ways, often without a place. This
 * turns each into one sentence that begins with file:line:column and ends with the mend.
 */

const typescript = /\.[cm]?tsx?$/

/** The error to show for something thrown while `entry` was loaded. */
export async function explainLoadError(thrown: unknown, entry: string): Promise<ModuleLoadError> {
  const message =
    explain(thrown, entry) ??
    (await explainSyntax(thrown, entry)) ??
    (await thrownBy(thrown, entry))
  return new ModuleLoadError(message, { cause: thrown })
}

function explain(thrown: unknown, entry: string): string | undefined {
  if (!(thrown instanceof Error)) return undefined
  const code = 'code' in thrown ? thrown.code : undefined
  // jiti says: "ParseError: Unexpected token\n /path/file.ts:2:18"
  const parse = /^ParseError: ([\s\S]*?)\s*\n\s*(.+):(\d+):(\d+)\s*$/.exec(thrown.message)
  if (parse !== null) {
    const [, what = '', file = '', line, column] = parse
    return `${place(file, Number(line), Number(column))}: syntax error: ${what}. Mend this line.`
  }
  if (code === 'MODULE_NOT_FOUND' || code === 'ERR_MODULE_NOT_FOUND') return notFound(thrown, entry)
  if (code === 'ERR_UNKNOWN_FILE_EXTENSION') {
    const file = / for (.+)$/.exec(thrown.message)?.[1] ?? ''
    return `${showPath(file)} is imported by a JavaScript file, and this Node (${process.version}) cannot load it from there. Name the TypeScript file itself on the command line, or make the importing file TypeScript too.`
  }
  return undefined
}

function notFound(error: Error, entry: string): string {
  const stack =
    'requireStack' in error && Array.isArray(error.requireStack) ? error.requireStack : []
  const [, wanted = '', from] =
    /^Cannot find (?:module|package) '([^']+)'(?: imported from (.+))?/.exec(error.message) ?? []
  const importer = from ?? (typeof stack[0] === 'string' ? stack[0] : entry)
  if (wanted.startsWith('.') || isAbsolute(wanted)) {
    const written = isAbsolute(wanted) ? relative(dirname(importer), wanted) : wanted
    const at = find(importer, [wanted, `./${written}`, written])
    return `${at}: there is no file ${showPath(resolve(dirname(importer), wanted))}. Mend the path of this import.`
  }
  const name = wanted
    .split('/')
    .slice(0, wanted.startsWith('@') ? 2 : 1)
    .join('/')
  const at = find(importer, [wanted])
  if (isBuiltin(wanted) || wanted.startsWith('node:')) {
    return `${at}: this Node (${process.version}) has no '${wanted}'.`
  }
  return `${at}: the package '${name}' is not installed. Run: npm install ${name}`
}

/** Where one of these specifiers stands in a file. */
function find(file: string, specifiers: readonly string[]): string {
  const lines = readText(file)?.split('\n') ?? []
  for (const specifier of specifiers) {
    for (const [i, line] of lines.entries()) {
      const column = [`'${specifier}'`, `"${specifier}"`]
        .map((quoted) => line.indexOf(quoted))
        .find((at) => at >= 0)
      if (column !== undefined) return place(file, i + 1, column + 1)
    }
  }
  return showPath(file)
}

/**
 * Node throws syntax errors of a native module without their place. The files are read again by
 * jiti's parser, the entry first, then what it imports by path.
 */
async function explainSyntax(thrown: unknown, entry: string): Promise<string | undefined> {
  if (!(thrown instanceof SyntaxError)) return undefined
  const link = /^file:\/\/.*?:\d+\n/.exec(thrown.stack ?? '')
  if (link !== null) {
    const [, url = '', line] = /^(file:\/\/.*?):(\d+)\n/.exec(link[0]) ?? []
    return `${place(fileURLToPath(url), Number(line))}: ${thrown.message}. Mend this import.`
  }
  const { createJiti } = await import('jiti')
  const jiti = createJiti(import.meta.url, { fsCache: false })
  const waiting = [entry]
  const seen = new Set<string>()
  for (let file = waiting.shift(); file !== undefined && seen.size < 500; file = waiting.shift()) {
    const source = seen.has(file) ? undefined : readText(file)
    seen.add(file)
    if (source === undefined) continue
    const found = syntaxErrorIn(
      jiti.transform({ source, filename: file, ts: typescript.test(file), async: true }),
    )
    if (found !== undefined) {
      return `${place(file, found.line, found.column)}: syntax error: ${thrown.message}. Mend this line.`
    }
    for (const [, path] of source.matchAll(/(?:from|import)\s*\(?\s*['"](\.[^'"]+)['"]/g)) {
      if (path !== undefined) waiting.push(resolve(dirname(file), path))
    }
  }
  return undefined
}

/** jiti puts what its parser says into the code that it returns. */
function syntaxErrorIn(code: string): { line: number; column: number } | undefined {
  const told = /__JITI_ERROR__ = (\{.*\})/.exec(code)?.[1]
  return told === undefined ? undefined : (JSON.parse(told) as { line: number; column: number })
}

/** An error that the user's own code threw while it was loaded: where, and his frames only. */
async function thrownBy(thrown: unknown, entry: string): Promise<string> {
  const frames = thrown instanceof Error ? await asWritten(userFrames(thrown.stack ?? '')) : []
  const [first] = frames
  const at = first === undefined ? showPath(entry) : place(first.file, first.line, first.column)
  const what =
    thrown instanceof Error
      ? `${thrown.name}: ${thrown.message}`
      : `not an Error was thrown: ${errorData(thrown).message}`
  // Our own errors already say what happened and what to do.
  const opening = thrown instanceof TaskwrightError ? '' : 'the module threw while it was loaded: '
  const trace = frames.map(
    (frame) =>
      `\n    at ${frame.name === '' ? '' : `${frame.name} `}${place(frame.file, frame.line, frame.column)}`,
  )
  return `${at}: ${opening}${what}${trace.join('')}`
}

interface Frame {
  readonly name: string
  readonly file: string
  readonly line: number
  /** Absent where it is not known. */
  readonly column: number | undefined
}

const ours = fileURLToPath(new URL('../', import.meta.url))

function userFrames(stack: string): Frame[] {
  const frames: Frame[] = []
  for (const text of stack.split('\n')) {
    const [, name = '', address = '', line, column] =
      /^\s+at (?:async )?(?:(.+?) \()?((?:file:\/\/|\/|[A-Za-z]:\\).*?):(\d+):(\d+)\)?$/.exec(
        text,
      ) ?? []
    if (address === '') continue
    const file = address.startsWith('file:')
      ? fileURLToPath(address.replace(/[?#].*$/, ''))
      : address
    if (file.startsWith(ours) || /[\\/]node_modules[\\/]/.test(file)) continue
    frames.push({ name, file, line: Number(line), column: Number(column) })
  }
  return frames.slice(0, 5)
}

/**
 * Compiled TypeScript keeps its lines, but not its columns: they are looked up in a source map that is
 * made now, so that nobody pays for it who has no error. The first line has the loader's own text in
 * front, so its column stays unknown.
 */
async function asWritten(frames: readonly Frame[]): Promise<readonly Frame[]> {
  if (!frames.some(({ file }) => typescript.test(file))) return frames
  const { createJiti } = await import('jiti')
  const jiti = createJiti(import.meta.url, {
    fsCache: false,
    interopDefault: false,
    sourceMaps: true,
  })
  return frames.map((frame) => {
    const source = typescript.test(frame.file) ? readText(frame.file) : undefined
    if (source === undefined || frame.column === undefined) return frame
    const filename = frame.file
    const code = jiti.transform({ source, filename, ts: true, async: true, retainLines: true })
    const map = /sourceMappingURL=data:application\/json[^,]*;base64,(.+)/.exec(code)?.[1]
    if (map === undefined || frame.line === 1) return { ...frame, column: undefined }
    const payload = JSON.parse(Buffer.from(map, 'base64').toString('utf8')) as SourceMapPayload
    const found = new SourceMap(payload).findEntry(frame.line - 1, frame.column - 1)
    const hit = 'originalLine' in found && found.originalLine === frame.line - 1
    return { ...frame, column: hit ? found.originalColumn + 1 : undefined }
  })
}

function place(file: string, line: number, column?: number): string {
  return `${showPath(file)}:${line}${column === undefined ? '' : `:${column}`}`
}

/** A path as people like to read it: relative where it lies under the working directory. */
export function showPath(file: string): string {
  const path = relative(process.cwd(), resolve(file))
  return path.startsWith('..') || isAbsolute(path)
    ? resolve(file)
    : `./${path.replaceAll('\\', '/')}`
}

function readText(file: string): string | undefined {
  try {
    return extname(file) === '' ? undefined : readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}
