/** Many seeds of the simulation, in processes beside each other, and mutations until they are caught. */
import { spawn } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import type { Mutation } from './mutations.ts'
import { simulate } from './simulate.ts'

/** What several seeds came to. */
export interface SeedsRun {
  readonly seeds: number
  readonly steps: number
  readonly messages: number
  readonly vanished: number
  /** Virtual milliseconds, all together. */
  readonly elapsed: number
  readonly findings: readonly { readonly seed: number; readonly finding: string }[]
}

const nothing: SeedsRun = { seeds: 0, steps: 0, messages: 0, vanished: 0, elapsed: 0, findings: [] }

/** So many findings are enough to look for the cause. */
const enough = 20
/** Stores of the simulation live as long as their process, so a process has not too many seeds. */
const mostPerProcess = 5000

/** Runs `count` seeds from `first` on, in this process. */
export async function runSeeds(first: number, count: number): Promise<SeedsRun> {
  let sum = nothing
  for (let seed = first; seed < first + count && sum.findings.length < enough; seed++) {
    const { finding, steps, messages, vanished, elapsed } = await simulate(seed)
    const findings = finding === undefined ? [] : [{ seed, finding }]
    sum = add(sum, { seeds: 1, steps, messages, vanished, elapsed, findings })
  }
  return sum
}

/** The same in as many processes as there are cores. */
export async function runSeedsBeside(
  first: number,
  count: number,
  log: (line: string) => void,
): Promise<SeedsRun> {
  const share = Math.min(mostPerProcess, Math.ceil(count / availableParallelism()))
  const parts = Array.from({ length: Math.ceil(count / share) }, (_, i) => ({
    from: first + i * share,
    size: Math.min(share, count - i * share),
  }))
  let sum = nothing
  const line = async (): Promise<void> => {
    for (let part = parts.shift(); part !== undefined; part = parts.shift()) {
      const done = await runInProcess(part.from, part.size)
      sum = add(sum, done)
      log(`${sum.seeds} of ${count} seeds, ${sum.findings.length} findings`)
      if (sum.findings.length >= enough) return
    }
  }
  await Promise.all(Array.from({ length: availableParallelism() }, line))
  return sum
}

/** The first seed that catches a mutation, from 1 to `most`; `undefined` when none does. */
export async function caughtBy(
  mutation: Mutation,
  most: number,
): Promise<{ readonly seed: number; readonly finding: string } | undefined> {
  for (let seed = 1; seed <= most; seed++) {
    const { finding } = await simulate(seed, mutation)
    if (finding !== undefined) return { seed, finding }
  }
  return undefined
}

function add(a: SeedsRun, b: SeedsRun): SeedsRun {
  return {
    seeds: a.seeds + b.seeds,
    steps: a.steps + b.steps,
    messages: a.messages + b.messages,
    vanished: a.vanished + b.vanished,
    elapsed: a.elapsed + b.elapsed,
    findings: [...a.findings, ...b.findings],
  }
}

function runInProcess(first: number, count: number): Promise<SeedsRun> {
  const entry = fileURLToPath(new URL('./seeds-process.ts', import.meta.url))
  return new Promise((resolve, reject) => {
    const child = spawn(
      process.execPath,
      ['--import', 'jiti/register', entry, String(first), String(count)],
      { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] },
    )
    child.once('message', (message) => resolve(message as SeedsRun))
    child.once('exit', (code) => reject(new Error(`seeds from ${first}: exit code ${code}`)))
  })
}
