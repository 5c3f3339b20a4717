import { fork, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { Worker as Thread } from 'node:worker_threads'
import type { FromIsolated, ToIsolated } from './isolate-messages.ts'

/**
 * A thread or process with one message line to it. Both are loaded anew for each run: nothing leaks
 * from one run to the next, and killing it harms nobody else. Costs some 50–100 ms a run.
 */
export interface IsolatedLine {
  /** @throws DataCloneError for what cannot travel. To one that has ended nothing is sent. */
  send(message: ToIsolated): void
  onMessage(handle: (message: FromIsolated) => void): void
  /** Called when it is gone, or cannot be talked to, with how. */
  onEnd(handle: (how: string) => void): void
  /** Idempotent. */
  kill(): void
}

// Threads and processes cannot run TypeScript on Node 20: from the sources, the built file is taken.
const entry = new URL(
  import.meta.url.endsWith('.ts') ? '../../dist/lib/isolated-entry.js' : './isolated-entry.js',
  import.meta.url,
)

/** Opens a thread. */
export function threadLine(): IsolatedLine {
  const thread = new Thread(entry, { execArgv: [] })
  let gone = false
  return {
    send(message) {
      if (!gone) thread.postMessage(message)
    },
    onMessage: (handle) => void thread.on('message', handle),
    onEnd(handle) {
      thread.on('error', (error) => handle(error instanceof Error ? error.message : String(error)))
      thread.on('messageerror', (error) => handle(error.message))
      thread.on('exit', (code) => {
        gone = true
        handle(`exit code ${code}`)
      })
    },
    kill: () => void thread.terminate(),
  }
}

/** Child processes that run: they must not outlive this process. */
const running = new Set<ChildProcess>()

/** Opens a process. */
export function processLine(): IsolatedLine {
  const child = fork(fileURLToPath(entry), [], {
    serialization: 'advanced',
    // No `--inspect` of ours: the port is taken.
    execArgv: [],
    // A group of its own: Ctrl-C in the terminal is the worker's to answer, and a kill takes along what
    // the handler started.
    detached: true,
  })
  if (running.size === 0) process.on('exit', killAll)
  running.add(child)
  child.once('error', () => forgetChild(child))
  child.once('exit', () => forgetChild(child))
  return {
    send(message) {
      if (child.connected) child.send(message, () => {})
    },
    onMessage: (handle) => void child.on('message', (message) => handle(message as FromIsolated)),
    onEnd(handle) {
      child.on('error', (error) => handle(error.message))
      child.on('exit', (code, signal) =>
        handle(signal === null ? `exit code ${String(code)}` : signal),
      )
    },
    kill: () => killGroup(child),
  }
}

function forgetChild(child: ChildProcess): void {
  running.delete(child)
  if (running.size === 0) process.off('exit', killAll)
}

function killAll(): void {
  for (const child of running) killGroup(child)
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  try {
    process.kill(-child.pid, 'SIGKILL')
  } catch {
    // There are no groups on Windows; elsewhere it has just ended.
    child.kill('SIGKILL')
  }
}
