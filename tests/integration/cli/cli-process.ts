/** The real command line in a process of its own, and a project folder for it to work in. */
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'
import { systemClock } from '../../../src/core/clock.ts'

const root = join(dirname(fileURLToPath(import.meta.url)), '../../..')
const main = join(root, 'dist/lib/main.js')
const patience = 30_000

/** How a command ended, and what it printed. */
export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

/** A command that runs. */
export interface CliProcess {
  readonly pid: number
  readonly ended: Promise<Ended>
  /** Resolves when nobody writes to its output any more: its own children have ended, too. */
  readonly closed: Promise<void>
  readonly stderr: string
  readonly stdout: string
  signal(signal: NodeJS.Signals): void
  /** As a terminal does: to the command and to all processes that it has started. */
  signalGroup(signal: NodeJS.Signals): void
  /** Nobody reads it any more. */
  closeStdout(): void
  /** Resolves with the match when stdout or stderr fits; looks at what came before, too, from `after` on. */
  until(pattern: RegExp, options?: { count?: number }): Promise<RegExpMatchArray>
}

/** A folder in which `import 'taskwright'` finds this checkout. */
export interface Project {
  readonly folder: string
  readonly url: string
  write(file: string, text: string): void
  path(file: string): string
  start(args: readonly string[], env?: Record<string, string>): CliProcess
  run(args: readonly string[], env?: Record<string, string>): Promise<Ended>
}

/** Makes a project for one test; what still runs at its end is killed, by its own process id. */
export function makeProject(files: Readonly<Record<string, string>> = {}): Project {
  const folder = mkdtempSync(join(tmpdir(), 'taskwright-cli-'))
  mkdirSync(join(folder, 'node_modules'))
  symlinkSync(root, join(folder, 'node_modules/taskwright'), 'dir')
  const running = new Set<ChildProcess>()
  onTestFinished(async () => {
    for (const child of running) child.kill('SIGKILL')
    await Promise.all([...running].map((child) => new Promise((done) => child.once('exit', done))))
    rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 })
  })
  const write = (file: string, text: string): void => {
    mkdirSync(dirname(join(folder, file)), { recursive: true })
    writeFileSync(join(folder, file), text)
  }
  for (const [file, text] of Object.entries(files)) write(file, text)
  const start = (args: readonly string[], env: Record<string, string> = {}): CliProcess => {
    const child = spawn(process.execPath, [main, ...args], {
      cwd: folder,
      env: { ...cleanEnv(), ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      // A group of its own, so that a signal to it reaches nobody else.
      detached: true,
    })
    running.add(child)
    return follow(child, () => running.delete(child))
  }
  return {
    folder,
    url: 'sqlite:./tasks.db',
    write,
    path: (file) => join(folder, file),
    start,
    run: (args, env) => start(args, env).ended,
  }
}

function follow(child: ChildProcess, onEnd: () => void): CliProcess {
  const texts = { stdout: '', stderr: '' }
  const listeners = new Set<() => void>()
  const changed = (): void => {
    for (const listener of listeners) listener()
  }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.setEncoding('utf8').on('data', (text: string) => {
      texts[name] += text
      changed()
    })
  }
  let over = false
  // 'close' comes after 'exit' and after the last output; grandchildren that hold the pipes would delay it.
  const ended = new Promise<Ended>((resolve) => {
    child.once('exit', (code, signal) => {
      onEnd()
      const finish = (): void => {
        over = true
        resolve({ code, signal, ...texts })
        changed()
      }
      const timer = systemClock.after(2000, finish)
      child.once('close', () => {
        timer.cancel()
        finish()
      })
    })
  })
  return {
    pid: child.pid ?? 0,
    ended,
    closed: new Promise((resolve) => child.once('close', () => resolve())),
    get stderr() {
      return texts.stderr
    },
    get stdout() {
      return texts.stdout
    },
    signal: (signal) => void child.kill(signal),
    signalGroup: (signal) => void process.kill(-(child.pid ?? Number.NaN), signal),
    closeStdout: () => void child.stdout?.destroy(),
    until(pattern, { count = 1 } = {}) {
      const global = new RegExp(pattern.source, `${pattern.flags.replace('g', '')}g`)
      const find = (): RegExpMatchArray | undefined =>
        [...(texts.stdout + texts.stderr).matchAll(global)][count - 1]
      return new Promise((resolve, reject) => {
        const fail = (why: string): void => {
          stop()
          reject(
            new Error(
              `${why} before ${pattern} (${count}×) was printed:\n${texts.stdout}\n${texts.stderr}`,
            ),
          )
        }
        const timer = systemClock.after(patience, () => fail(`${patience} ms passed`))
        const look = (): void => {
          const found = find()
          if (found !== undefined) {
            stop()
            resolve(found)
          } else if (over) fail('the process ended')
        }
        const stop = (): void => {
          timer.cancel()
          listeners.delete(look)
        }
        listeners.add(look)
        look()
      })
    },
  }
}

/** The environment without what would change the command line's behaviour. */
function cleanEnv(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) =>
      !/^(TASKWRIGHT_|VITEST|NO_COLOR$|FORCE_COLOR$|NODE_OPTIONS$|NODE_V8_COVERAGE$)/.test(name),
  )
  return Object.fromEntries(kept)
}

/** The lines of a JSON log. */
export function jsonLines(text: string): Record<string, unknown>[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
}

export const brokerFile = `import { createBroker } from 'taskwright'
export const broker = createBroker('sqlite:./tasks.db')
`
