/**
 * One run: real worker processes on one store, a producer, and everything written down. A row of the
 * matrix sets it up, strikes, lets it drain and has it judged.
 */
import type { Broker, Random } from 'taskwright'
import { seededRandom, StoreError } from 'taskwright'
import { check, type FinalState, type Verdict } from './checker.ts'
import type { Engine, OpenStore, StoreChoices } from './engines.ts'
import { Fleet, type Member } from './fleet.ts'
import { openLedger, readLedgers, type Entry, type Ledger } from './worker/ledger.ts'
import { openBroker } from './worker/open-broker.ts'
import { pause } from './worker/pause.ts'
import type { Program } from './program.ts'
import type { RedisStage } from './redis-stage.ts'
import { defineTasks, type FaultTasks } from './worker/tasks.ts'
import type { TransportPlan, WorkerPlan } from './worker/worker-plan.ts'

/** What every stage is given. */
export interface StageOptions {
  readonly program: Program
  readonly engine: Engine
  readonly seed: number
  /** Told what is going on, for those who wait. */
  readonly log: (line: string) => void
}

/** What a row sets. */
export interface Setting extends StoreChoices, Partial<Omit<WorkerPlan, 'ledger' | 'transport'>> {
  readonly name: string
  readonly workers?: number | undefined
  readonly execArgv?: readonly string[] | undefined
  readonly uid?: number | undefined
  readonly env?: ((no: number) => Record<string, string>) | undefined
}

/** What came out of a run. */
export interface Judgement {
  readonly verdict: Verdict
  readonly entries: readonly Entry[]
}

/** How work is sent. */
export interface WorkToSend {
  readonly batch?: number | undefined
  /** Milliseconds from the first to the last. */
  readonly over?: number | undefined
  /** The longest of its tasks. */
  readonly ms?: number | undefined
  readonly unsure?: boolean | undefined
}

/** Milliseconds of a lease in the fault runs: long enough for a busy machine, short enough to wait for. */
export const shortLease = 2000

/** See the top of the file. */
export class Stage {
  readonly folder: string
  readonly random: Random
  readonly ledger: Ledger
  readonly broker: Broker
  readonly tasks: FaultTasks
  readonly fleet: Fleet
  /** As the producer reaches the store. */
  readonly transport: TransportPlan
  readonly store: OpenStore
  readonly options: StageOptions
  readonly setting: Setting
  readonly #begun = performance.now()
  #last = 0
  #closed = false

  constructor(options: StageOptions, setting: Setting, of: { folder: string; store: OpenStore }) {
    const { program, seed } = options
    this.options = options
    this.setting = setting
    this.folder = of.folder
    this.store = of.store
    this.random = seededRandom(seed)
    this.ledger = openLedger(this.folder)
    this.transport = this.store.plan()
    this.broker = openBroker({ transport: this.transport })
    this.tasks = defineTasks(this.broker, { ledger: this.ledger, folder: this.folder })
    const { name: _, workers: _workers, transport: _transport, redis: _redis, ...rest } = setting
    const worker = { lease: shortLease, concurrency: 20, prefetch: 20, ...setting.worker }
    this.fleet = new Fleet({
      ledger: this.ledger,
      entry: program.entry('worker-process.ts'),
      plan: (no): WorkerPlan => {
        const transport = this.store.plan(no)
        return { ...rest, ledger: this.folder, transport, worker }
      },
      execArgv: setting.execArgv,
      uid: setting.uid,
      env: setting.env,
    })
  }

  /** Milliseconds since the stage was set. */
  get elapsed(): number {
    return performance.now() - this.#begun
  }

  /** The server of the run. @throws Error where there is none. */
  get redis(): RedisStage {
    if (this.store.redis !== undefined) return this.store.redis
    throw new Error('this row needs a Redis server')
  }

  /** Opens the store and starts the workers; resolves when all of them work. */
  async start(): Promise<void> {
    await this.broker.start()
    const { workers = 4 } = this.setting
    const first = Array.from({ length: workers }, (_, no) => this.fleet.start(no))
    await Promise.all(first.map(({ ready }) => ready))
  }

  /** A whole number from 0 and below `below`. */
  draw(below: number): number {
    return Math.floor(this.random.next() * below)
  }

  /** One of several by chance. */
  pick<T>(from: readonly T[]): T {
    const one = from[this.draw(from.length)]
    if (one === undefined) throw new Error('there is nothing to pick from')
    return one
  }

  /** One of the workers that live. */
  worker(): Member {
    return this.pick(this.fleet.members)
  }

  /** Starts anew whoever dies, until the returned function is called; it says how many did. */
  keepAlive(): () => number {
    let deaths = 0
    let ended = false
    const follow = (member: Member): void => {
      void member.gone.then(() => {
        if (ended) return
        deaths++
        follow(this.fleet.start(member.no))
      })
    }
    for (const member of this.fleet.members) follow(member)
    return () => {
      ended = true
      return deaths
    }
  }

  /** Writes down that these processes cannot reach the store, until the returned function is called. */
  cutOff(members: readonly Member[] = this.fleet.members): () => void {
    const pids = members.map(({ pid }) => pid)
    const tell = (kind: 'fault' | 'healed'): void =>
      this.ledger.write(...pids.map((target) => ({ kind, fault: 'cut off', target }) as const))
    tell('fault')
    return () => tell('healed')
  }

  /** An id of its own. */
  id(kind = 't'): string {
    return `${kind}${String(this.#last++).padStart(8, '0')}`
  }

  /**
   * Sends many of one task, in batches of one write, with a rest between them. `unsure`: a store that
   * fails is no reason to end.
   */
  async sendWork(count: number, work: WorkToSend = {}): Promise<void> {
    const { batch = 100, over = 0, ms = 40, unsure = false } = work
    const begun = performance.now()
    for (let sent = 0; sent < count && !this.#closed;) {
      const size = Math.min(batch, count - sent)
      const ids = Array.from({ length: size }, () => this.id())
      this.ledger.write(...ids.map((id) => ({ kind: 'attempt', id }) as const))
      const answers = await Promise.all(
        ids.map((id) =>
          this.tasks.work
            .kicker()
            .withTaskId(id)
            .kiq(this.draw(ms + 1))
            .catch((error: unknown) => {
              // Whether it is stored is then unknown, and found out in the end.
              if (!unsure || !(error instanceof StoreError)) throw error
              return undefined
            }),
        ),
      )
      this.ledger.write(
        ...answers.flatMap((handle) =>
          handle === undefined
            ? []
            : [{ kind: 'ack', id: handle.taskId, known: handle.isDuplicate } as const],
        ),
      )
      sent += size
      await pause(Math.max(0, begun + (over * sent) / count - performance.now()))
    }
  }

  /** Resolves when a handler has begun: a message in the hands of a worker may still wait for its slot. */
  async started(id: string): Promise<void> {
    const begun = (entry: Entry): boolean => entry.kind === 'start' && entry.id === id
    while (!readLedgers(this.folder).some(begun)) await pause(20)
  }

  /** How many facts are so. */
  count(is: (entry: Entry) => boolean): number {
    return readLedgers(this.folder).filter(is).length
  }

  /** Resolves when nothing waits or runs, or when nothing has changed for `quiet` ms. */
  async drain(quiet = 6 * shortLease): Promise<void> {
    let last = ''
    let since = performance.now()
    for (;;) {
      const queues = await this.broker.inspector.queues().catch(() => [])
      if (queues.length === 0) await pause(200)
      const open = queues.map(({ queued, scheduled, running }) => queued + scheduled + running)
      if (open.length > 0 && open.every((count) => count === 0)) return
      const now = JSON.stringify(queues)
      if (now !== last) since = performance.now()
      else if (performance.now() - since > quiet) return
      last = now
      await pause(50)
    }
  }

  /**
   * Stops the workers, and asks the store what became of every message.
   *
   * @throws Error when a worker did not end as it should, unless it `may` (a control).
   */
  async judge({ may = false }: { may?: boolean } = {}): Promise<Judgement> {
    const ends = await this.fleet.stop(30_000)
    const bad = ends.filter((how) => how !== 'exit 0')
    if (bad.length > 0 && !may)
      throw new Error(`told to stop, workers ended with ${bad.join(', ')}`)
    const entries = readLedgers(this.folder)
    const ids = new Set(entries.flatMap((entry) => ('id' in entry ? [entry.id] : [])))
    const finals = await finalStates(this.broker, [...ids])
    return { verdict: check({ entries, finals }), entries }
  }

  /** Ends what is left. */
  async close(): Promise<void> {
    this.#closed = true
    await this.fleet.kill()
    await this.broker.stop()
    this.ledger.close()
  }
}

/** Runs a row's play on a stage, and closes the stage whatever happens. */
export async function onStage<T>(
  options: StageOptions,
  setting: Setting,
  play: (stage: Stage) => Promise<T>,
): Promise<T> {
  const folder = options.program.scratch(setting.name)
  const store = await options.engine.open(folder, setting)
  const stage = new Stage(options, setting, { folder, store })
  try {
    return await play(stage)
  } catch (error) {
    const { message } = error as Error
    throw new Error(`${setting.name}: ${message}\n${stage.fleet.stderr}`, { cause: error })
  } finally {
    await stage.close()
    await store.close()
  }
}

/** What the store holds of messages, by id. */
export async function finalStates(
  broker: Broker,
  ids: readonly string[],
): Promise<ReadonlyMap<string, FinalState>> {
  const finals = new Map<string, FinalState>()
  const page = 1000
  for (let i = 0; i < ids.length; i += page) {
    await Promise.all(
      ids.slice(i, i + page).map(async (id) => finals.set(id, await finalState(broker, id))),
    )
  }
  return finals
}

async function finalState(broker: Broker, id: string): Promise<FinalState> {
  const handle = broker.handle<unknown>(id)
  const status = await handle.status()
  if (status === 'dead' || status === 'failed') {
    const letter = await broker.inspector.deadLetter(id)
    return { status, reason: letter?.reason ?? 'no dead letter' }
  }
  if (status !== 'succeeded') return { status }
  const result = await handle.waitResult({ timeout: '5s' })
  const value = result.isErr ? undefined : result.returnValue
  return { status, run: typeof value === 'string' && /^\d+\.\d+$/.test(value) ? value : undefined }
}
