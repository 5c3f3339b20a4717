import { spawn, type ChildProcess } from 'node:child_process'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const here = fileURLToPath(new URL('../../', import.meta.url))
const require = createRequire(import.meta.url)

/** A process of the demonstration. */
export interface DemoProcess {
  readonly name: string
  /** Resolves with the (last) line that said it was ready. */
  readonly ready: Promise<string>
  stop(): Promise<void>
}

export interface ProcessOptions {
  readonly name: string
  /** Node, where none is named. */
  readonly program?: string | undefined
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  /** The line that says that it is ready. */
  readonly readyAt: RegExp
  /** How many such lines there are; 1 unless told otherwise. */
  readonly readyLines?: number | undefined
  readonly onLine?: ((line: string) => void) | undefined
}

/** Starts a program of this application, or of Taskwright, as a user would. */
export function startProcess(options: ProcessOptions): DemoProcess {
  const { name, program = process.execPath, args, env, readyAt, readyLines = 1, onLine } = options
  const child = spawn(program, args, {
    cwd: here,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  // Whatever happens to this process, it leaves none behind.
  const kill = (): void => void child.kill('SIGKILL')
  process.once('exit', kill)
  child.once('exit', () => process.off('exit', kill))
  const tail: string[] = []
  let readied = 0
  const ready = new Promise<string>((resolve, reject) => {
    const read = (line: string): void => {
      tail.push(line)
      if (tail.length > 20) tail.shift()
      onLine?.(line)
      if (readyAt.test(line) && ++readied === readyLines) resolve(line)
    }
    for (const stream of [child.stdout, child.stderr])
      createInterface({ input: stream }).on('line', read)
    child.once('error', reject)
    child.once('exit', (code) =>
      reject(new Error(`${name} ended with code ${code}\n${tail.join('\n')}`)),
    )
  })
  ready.catch(() => {})
  return { name, ready, stop: () => end(child, ended) }
}

/** Node's arguments for a TypeScript file of this application. */
export const script = (file: string, ...args: string[]): string[] => [
  '--import',
  'jiti/register',
  join(here, 'src', file),
  ...args,
]

/** Node's arguments for Taskwright's command line. */
export function taskwright(...args: string[]): string[] {
  const home = dirname(require.resolve('taskwright/package.json'))
  const { bin } = require('taskwright/package.json') as { bin: { taskwright: string } }
  return [join(home, bin.taskwright), ...args]
}

async function end(child: ChildProcess, ended: Promise<void>): Promise<void> {
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), 10_000)
  await ended
  clearTimeout(timer)
}
