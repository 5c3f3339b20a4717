import { spawn, type ChildProcess } from 'node:child_process'
import type { Ledger } from './worker/ledger.ts'

/** How the processes of a fleet are started. */
export interface FleetOptions {
  readonly ledger: Ledger
  /** The compiled file that each of them runs. */
  readonly entry: string
  /** Its argument, by the number of the process from 0. Asked anew at each start. */
  readonly plan: (no: number) => unknown
  readonly env?: ((no: number) => Record<string, string>) | undefined
  readonly execArgv?: readonly string[] | undefined
  /** Another user than this one. */
  readonly uid?: number | undefined
}

/** A process of ours. */
export interface Member {
  readonly no: number
  readonly pid: number
  /** It works; rejects when it ends before. */
  readonly ready: Promise<void>
  /** How it ended: `exit 0`, `SIGKILL`. */
  readonly gone: Promise<string>
}

/** Real processes that are started, struck and started again; every one is written down. */
export class Fleet {
  readonly #options: FleetOptions
  readonly #members = new Map<number, { readonly child: ChildProcess; readonly member: Member }>()
  readonly #ready = new Set<Member>()
  #stderr = ''

  constructor(options: FleetOptions) {
    this.#options = options
  }

  /** Those that live. */
  get members(): readonly Member[] {
    return [...this.#members.values()].map(({ member }) => member)
  }

  /** Those that live and work. */
  get working(): readonly Member[] {
    return this.members.filter((member) => this.#ready.has(member))
  }

  /** The last of what they wrote to stderr. */
  get stderr(): string {
    return this.#stderr
  }

  /** Starts process number `no`, with more in its environment. */
  start(no: number, more: Readonly<Record<string, string>> = {}): Member {
    const { entry, plan, env, execArgv = [], uid, ledger } = this.#options
    const child = spawn(process.execPath, [...execArgv, entry, JSON.stringify(plan(no))], {
      env: { ...cleanEnvironment(), ...env?.(no), ...more },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      ...(uid === undefined ? {} : { uid }),
    })
    const pid = child.pid
    if (pid === undefined) throw new Error(`'${entry}' could not be started`)
    ledger.write({ kind: 'spawned', target: pid })
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-20_000)
    })
    const gone = new Promise<string>((resolve) => {
      child.once('exit', (code, signal) => {
        const how = signal ?? `exit ${code}`
        ledger.write({ kind: 'gone', target: pid, how })
        this.#members.delete(pid)
        resolve(how)
      })
    })
    const ready = new Promise<void>((resolve, reject) => {
      child.once('message', () => {
        ledger.write({ kind: 'ready', target: pid })
        resolve()
      })
      void gone.then((how) => reject(new Error(`worker ${no} ended before it was ready: ${how}`)))
    })
    // Whoever does not wait for it is not to die of it.
    ready.catch(() => {})
    const member: Member = { no, pid, ready, gone }
    ready.then(
      () => this.#ready.add(member),
      () => {},
    )
    void gone.then(() => this.#ready.delete(member))
    this.#members.set(pid, { child, member })
    return member
  }

  /** Sends a signal to one of ours, and writes it down as a fault. */
  strike({ pid }: Member, signal: NodeJS.Signals, fault: string): void {
    const child = this.#members.get(pid)?.child
    if (child === undefined) return
    this.#options.ledger.write({ kind: 'fault', fault, target: pid })
    child.kill(signal)
  }

  /** Lets a stopped process go on. */
  heal({ pid }: Member, fault: string): void {
    this.#members.get(pid)?.child.kill('SIGCONT')
    this.#options.ledger.write({ kind: 'healed', fault, target: pid })
  }

  /** Tells all to stop, kills what has not ended after `patience` ms; how each ended. */
  async stop(patience: number): Promise<readonly string[]> {
    const timer = setTimeout(() => void this.kill(), patience)
    const ends = await Promise.all(
      [...this.#members.values()].map(async ({ child, member }) => {
        // Before it is ready it does not hear of it.
        await member.ready.catch(() => {})
        child.kill('SIGTERM')
        return member.gone
      }),
    )
    clearTimeout(timer)
    return ends
  }

  /** Kills all at once. Resolves when they are gone. */
  async kill(): Promise<void> {
    const all = [...this.#members.values()]
    for (const { child } of all) child.kill('SIGKILL')
    await Promise.all(all.map(({ member }) => member.gone))
  }
}

/** The environment without what would change a worker's behaviour. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  const changing = /^(TASKWRIGHT_|VITEST|NODE_OPTIONS$|NODE_V8_COVERAGE$)/
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !changing.test(name)))
}
