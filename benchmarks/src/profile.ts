/** Reads CPU profiles as `node --cpu-prof` writes them: one for each thread of each process. */
import { readFileSync, readdirSync, rmSync } from 'node:fs'
import { SourceMap, type SourceMapPayload } from 'node:module'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

interface CpuProfile {
  readonly nodes: readonly ProfileNode[]
  readonly samples: readonly number[]
  readonly timeDeltas: readonly number[]
}

interface ProfileNode {
  readonly id: number
  readonly callFrame: {
    readonly functionName: string
    readonly url: string
    readonly lineNumber: number
    readonly columnNumber: number
  }
}

/** A function and its share of the busy time of its thread. */
export interface Hotspot {
  readonly thread: 'main' | 'database'
  readonly share: number
  readonly name: string
}

const most = 5
const root = fileURLToPath(new URL('../..', import.meta.url))
/** Time without work, and work that is nobody's. */
const notWork = new Set(['(idle)', '(root)', '(program)'])

/** The costliest functions of all profiles in a folder, by their own time; the files are removed. */
export function hotspots(folder: string): Hotspot[] {
  const times = { main: new Map<string, number>(), database: new Map<string, number>() }
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.cpuprofile'))) {
    const profile = JSON.parse(readFileSync(join(folder, file), 'utf8')) as CpuProfile
    add(profile, times[threadOf(profile)])
    rmSync(join(folder, file))
  }
  return [...top(times.main, 'main'), ...top(times.database, 'database')]
}

function top(times: ReadonlyMap<string, number>, thread: Hotspot['thread']): Hotspot[] {
  const all = [...times.values()].reduce((sum, time) => sum + time, 0)
  return [...times]
    .sort(([, a], [, b]) => b - a)
    .slice(0, most)
    .map(([name, time]) => ({ thread, share: time / all, name }))
}

function add({ nodes, samples, timeDeltas }: CpuProfile, times: Map<string, number>): void {
  const names = new Map(nodes.map((node) => [node.id, nameOf(node)]))
  for (const [i, id] of samples.entries()) {
    const name = names.get(id)
    if (name === undefined || notWork.has(name)) continue
    times.set(name, (times.get(name) ?? 0) + (timeDeltas[i] ?? 0))
  }
}

/** The thread that the engine's thread entry runs in is the database's. */
function threadOf({ nodes }: CpuProfile): 'main' | 'database' {
  const isDatabase = nodes.some(({ callFrame }) => callFrame.url.endsWith('/engine-thread.js'))
  return isDatabase ? 'database' : 'main'
}

function nameOf({ callFrame }: ProfileNode): string {
  const { functionName, url, lineNumber, columnNumber } = callFrame
  const name = functionName === '' ? '(anonymous)' : functionName
  if (url === '') return name
  const place = sourcePlace(url, lineNumber, columnNumber)
  return `${name}  ${place ?? `${short(url)}:${lineNumber + 1}`}`
}

const maps = new Map<string, SourceMap | undefined>()

/** The line of the TypeScript source, where the built file has a map. */
function sourcePlace(url: string, line: number, column: number): string | undefined {
  if (!url.startsWith('file:') || url.includes('/node_modules/')) return undefined
  if (!maps.has(url)) maps.set(url, readMap(fileURLToPath(url)))
  const entry = maps.get(url)?.findEntry(line, column)
  if (entry === undefined || !('originalSource' in entry)) return undefined
  const source = fileURLToPath(new URL(entry.originalSource, url))
  return `${relative(root, source)}:${entry.originalLine + 1}`
}

function readMap(file: string): SourceMap | undefined {
  try {
    return new SourceMap(JSON.parse(readFileSync(`${file}.map`, 'utf8')) as SourceMapPayload)
  } catch {
    return undefined
  }
}

function short(url: string): string {
  if (!url.startsWith('file:')) return url
  const path = relative(root, fileURLToPath(url))
  const packages = path.lastIndexOf('node_modules/')
  return packages < 0 ? path : path.slice(packages + 'node_modules/'.length)
}
