import { fork, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { engineOf } from './engine-list.ts'
import { storeProcess } from './meter.ts'
import type { FromChild, Report, Step, SubjectName, ToChild } from './steps.ts'

const entry = fileURLToPath(new URL('./child.js', import.meta.url))
/** Set by scripts/bench.mjs: the same program, built into another checkout. */
const entryThere = process.env['TASKWRIGHT_BENCH_AGAINST']

/** Milliseconds after which a child is taken to hang. */
const patience = 600_000

/** A child process at its steps. */
export interface Child {
  /** Resolves when its worker has started. */
  readonly serving: Promise<void>
  /** Resolves with the reports when it has ended. */
  readonly done: Promise<readonly Report[]>
  /** Ends a worker that would go on. */
  stop(): void
}

/** Starts children; each may write a CPU profile into `profiles`. */
export class Children {
  readonly #profiles: string | undefined
  readonly #running = new Set<ChildProcess>()

  constructor(profiles: string | undefined) {
    this.#profiles = profiles
  }

  /** Starts a fresh process for steps. */
  start(subject: SubjectName, steps: readonly Step[]): Child {
    const profiling =
      this.#profiles === undefined || subject.peer !== 'taskwright'
        ? []
        : ['--cpu-prof', `--cpu-prof-dir=${this.#profiles}`]
    const store = engineOf(subject.engine).process?.()
    const env = store === undefined ? {} : { [storeProcess]: String(store) }
    const isThere = subject.peer === 'against'
    if (isThere && entryThere === undefined) throw new Error('--against goes with npm run bench')
    const child = fork(isThere ? (entryThere ?? '') : entry, {
      execArgv: ['--expose-gc', ...profiling],
      env: { ...process.env, ...env },
    })
    this.#running.add(child)
    const deadline = setTimeout(() => child.kill('SIGKILL'), patience)
    let served: () => void = () => {}
    const serving = new Promise<void>((resolve) => (served = resolve))
    const done = new Promise<readonly Report[]>((resolve, reject) => {
      let reports: readonly Report[] | undefined
      child.on('message', (message: FromChild) => {
        if (message.kind === 'serving') served()
        else if (message.kind === 'failed') reject(new Error(`${subject.peer}: ${message.message}`))
        else reports = message.reports
      })
      child.on('error', reject)
      child.on('exit', (code) => {
        this.#running.delete(child)
        clearTimeout(deadline)
        served()
        // Only now its profile is written and its memory free for the next one.
        if (reports === undefined) reject(new Error(`${subject.peer} ended with code ${code}`))
        else resolve(reports)
      })
    })
    const tell = (message: ToChild): void => void child.send(message)
    const own = isThere ? { ...subject, peer: 'taskwright' } : subject
    tell({ kind: 'run', subject: own, steps })
    return { serving, done, stop: () => tell({ kind: 'stop' }) }
  }

  /** Runs steps in a fresh process and waits for its end. */
  run(subject: SubjectName, steps: readonly Step[]): Promise<readonly Report[]> {
    return this.start(subject, steps).done
  }

  /** Ends all that still run: the benchmark was interrupted. */
  kill(): void {
    for (const child of this.#running) child.kill('SIGKILL')
  }
}
