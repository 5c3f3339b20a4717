/** The worker processes of the rows of limits, their plan, and what they have written down. */
import { fork, type ChildProcess } from 'node:child_process'
import { appendFileSync, closeSync, openSync, readSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Broker } from 'taskwright'
import type { EngineName } from '../engines.ts'
import type { StageOptions } from '../stage.ts'
import { sweepKeys } from '../sweep-keys.ts'
import type { LimitsPlan } from '../worker/limits-process.ts'
import { pause } from '../worker/pause.ts'

const lease = 2000
const workers = 4

/** A fresh store and journal. */
export function planOf(
  { program, seed }: Pick<StageOptions, 'program' | 'seed'>,
  { engine, ...control }: { engine: EngineName } & Partial<LimitsPlan>,
): LimitsPlan {
  const folder = program.scratch('limits')
  const prefix = `faults-limits-${process.pid}-${seed}-${Math.random().toString(36).slice(2)}-`
  const journal = join(folder, 'journal')
  writeFileSync(journal, '')
  return {
    journal,
    lease,
    endless: false,
    unfair: false,
    ...control,
    store:
      engine === 'sqlite'
        ? { kind: 'sqlite', file: join(folder, 'tasks.db') }
        : { kind: 'redis', url: process.env['REDIS_URL'] ?? 'redis://127.0.0.1:6379', prefix },
  }
}

/** Ends a broker, and what it left in a store that others share. */
export async function closeStore(plan: LimitsPlan, ...brokers: readonly Broker[]): Promise<void> {
  for (const broker of brokers) await broker.stop()
  if (plan.store.kind === 'redis') await sweepKeys(plan.store)
}

/** Reads a journal as it grows: each line once. */
export class Journal {
  readonly lines: string[][] = []
  readonly #file: number
  #rest = ''

  constructor({ journal }: LimitsPlan) {
    this.#file = openSync(journal, 'r')
  }

  /** The lines since the last call. */
  read(): readonly string[][] {
    const before = this.lines.length
    const page = Buffer.alloc(1 << 20)
    for (let length = 1; length > 0;) {
      length = readSync(this.#file, page, 0, page.length, null)
      const parts = (this.#rest + page.toString('latin1', 0, length)).split('\n')
      this.#rest = parts.pop() ?? ''
      for (const part of parts) this.lines.push(part.split(' '))
    }
    return this.lines.slice(before)
  }

  close(): void {
    closeSync(this.#file)
  }
}

/** Worker processes; one that is killed is started anew, and its death is written down when it is certain. */
export class Crew {
  readonly #entry: string
  readonly #plan: LimitsPlan
  readonly #members = new Set<{ readonly child: ChildProcess; readonly gone: Promise<void> }>()
  readonly #ready: Promise<void>[] = []
  #closing = false

  constructor(entry: string, plan: LimitsPlan, count = workers) {
    this.#entry = entry
    this.#plan = plan
    for (let i = 0; i < count; i++) this.#start()
  }

  async ready(): Promise<void> {
    await Promise.all(this.#ready)
  }

  get size(): number {
    return this.#members.size
  }

  strike(chance: number): boolean {
    const member = [...this.#members][Math.floor(chance * this.#members.size)]
    member?.child.kill('SIGKILL')
    return member !== undefined
  }

  /** Ends them, each by its own id. */
  async close(): Promise<void> {
    this.#closing = true
    for (const { child } of this.#members) child.kill('SIGTERM')
    const patience = pause(10_000).then(() => {
      for (const { child } of this.#members) child.kill('SIGKILL')
    })
    await Promise.race([Promise.all([...this.#members].map(({ gone }) => gone)), patience])
  }

  #start(): void {
    const child = fork(this.#entry, [], {
      env: { ...process.env, LIMITS_PLAN: JSON.stringify(this.#plan) },
      execArgv: [],
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    })
    const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()))
    this.#ready.push(new Promise((resolve) => child.once('message', () => resolve())))
    const member = { child, gone }
    this.#members.add(member)
    void gone.then(() => {
      this.#members.delete(member)
      appendFileSync(this.#plan.journal, `K ${child.pid}\n`)
      if (!this.#closing) this.#start()
    })
  }
}
