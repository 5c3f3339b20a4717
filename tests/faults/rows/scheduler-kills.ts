/**
 * Row 29: several scheduler processes, one plan of one second; whoever leads is killed or stopped every few
 * seconds. Judged by what lies in the queue at the end: each second once.
 */
import { fork, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { createBroker, seededRandom, type StoredMessage } from 'taskwright'
import type { Outcome } from '../row.ts'
import type { StageOptions } from '../stage.ts'
import { sweepKeys } from '../sweep-keys.ts'
import { pause } from '../worker/pause.ts'
import { transportOf, type SchedulerPlan, type SchedulerWord } from '../worker/scheduler-process.ts'

/** How much of it. */
export interface SchedulerKills {
  readonly engine: 'sqlite' | 'redis'
  readonly seconds: number
  readonly schedulers: number
  /** Milliseconds between two strikes. */
  readonly every: number
}

const lease = 2000
/** A lease that has just been renewed, the look after it, and what a busy machine needs to go on. */
const bound = lease + lease / 3 + 1500

/** Runs it. */
export async function schedulerKills(
  { program, seed, log }: Pick<StageOptions, 'program' | 'seed' | 'log'>,
  { engine, seconds, schedulers, every }: SchedulerKills,
): Promise<Outcome> {
  const random = seededRandom(seed)
  const folder = program.scratch('schedulers')
  const plan: SchedulerPlan = {
    lease,
    store:
      engine === 'sqlite'
        ? { kind: 'sqlite', file: join(folder, 'tasks.db') }
        : {
            kind: 'redis',
            url: process.env['REDIS_URL'] ?? 'redis://127.0.0.1:6379',
            prefix: `faults-schedulers-${process.pid}-${seed}-`,
          },
  }
  const broker = createBroker({ transport: transportOf(plan) })
  await broker.start()
  const fleet = new Schedulers(program.entry('scheduler-process.ts'), plan, schedulers)
  try {
    await fleet.led()
    const strikes = { kill: 0, stop: 0 }
    const end = performance.now() + seconds * 1000
    while (performance.now() < end) {
      await pause(every)
      const leader = fleet.leader
      if (leader === undefined) continue
      const how = random.next() < 0.5 ? 'kill' : 'stop'
      strikes[how]++
      fleet.strike(leader, how)
      if ((strikes.kill + strikes.stop) % 10 === 0) log(`${strikes.kill + strikes.stop} strikes`)
    }
    await fleet.led()
    await pause(bound)
    await fleet.close()
    const messages: StoredMessage[] = []
    for (;;) {
      const after = messages.at(-1)?.id
      const page = await broker.inspector.peek('ticks', { limit: 500, after })
      messages.push(...page)
      if (page.length < 500) break
    }
    return judge(messages, { seconds, strikes })
  } finally {
    await fleet.close()
    await broker.purge('ticks').catch(() => 0)
    await broker.stop()
    if (plan.store.kind === 'redis') await sweepKeys(plan.store)
  }
}

function judge(
  messages: readonly StoredMessage[],
  { seconds, strikes }: { seconds: number; strikes: { kill: number; stop: number } },
): Outcome {
  // The id of a slot's message begins with its time.
  const slots = messages.map(({ id }) => Number.parseInt(id.slice(0, 12), 16)).sort((a, b) => a - b)
  const twice = slots.filter((slot, i) => slot === slots[i - 1]).length
  const holes = slots.filter((slot, i) => i > 0 && slot - (slots[i - 1] ?? 0) > 1000).length
  const lags = messages.map(({ id, at }) => at - Number.parseInt(id.slice(0, 12), 16))
  const worst = Math.max(...lags)
  const early = lags.filter((lag) => lag < 0).length
  const faults = [
    ...(twice > 0 ? [`${twice} seconds were fired twice`] : []),
    ...(holes > 0 ? [`${holes} seconds were not fired`] : []),
    ...(early > 0 ? [`${early} were fired early`] : []),
    ...(slots.length < seconds - 2 ? [`only ${slots.length} fires in ${seconds} s`] : []),
    ...(worst > bound ? [`the worst gap was ${worst} ms, more than ${bound} ms`] : []),
  ]
  const facts = {
    fires: slots.length,
    kills: strikes.kill,
    stops: strikes.stop,
    'worst gap (ms)': worst,
    'bound (ms)': Math.round(bound),
    'on time (lag < 100 ms)': lags.filter((lag) => lag < 100).length,
  }
  return { faults, facts }
}

interface Member {
  readonly child: ChildProcess
  leads: boolean
  stopped: boolean
  readonly gone: Promise<void>
}

/** The processes: as many as there are to be, and one that is killed is started anew. */
class Schedulers {
  readonly #entry: string
  readonly #plan: SchedulerPlan
  readonly #members = new Set<Member>()
  #told: (() => void)[] = []
  #closing = false

  constructor(entry: string, plan: SchedulerPlan, count: number) {
    this.#entry = entry
    this.#plan = plan
    for (let i = 0; i < count; i++) this.#start()
  }

  get leader(): Member | undefined {
    return [...this.#members].find(({ leads, stopped }) => leads && !stopped)
  }

  /** Resolves when one of them leads. */
  async led(): Promise<void> {
    while (this.leader === undefined) await new Promise<void>((done) => this.#told.push(done))
  }

  /** Kills it, and starts another; or stops it, and wakes it when the lead is long another one's. */
  strike(member: Member, how: 'kill' | 'stop'): void {
    if (how === 'kill') {
      member.child.kill('SIGKILL')
      return
    }
    member.stopped = true
    member.leads = false
    member.child.kill('SIGSTOP')
    void pause(2 * lease).then(() => {
      member.stopped = false
      member.child.kill('SIGCONT')
    })
  }

  /** Ends them, each by its own id. */
  async close(): Promise<void> {
    this.#closing = true
    for (const { child } of this.#members) {
      child.kill('SIGCONT')
      child.kill('SIGTERM')
    }
    const patience = pause(10_000).then(() => {
      for (const { child } of this.#members) child.kill('SIGKILL')
    })
    await Promise.race([Promise.all([...this.#members].map(({ gone }) => gone)), patience])
  }

  #start(): void {
    const child = fork(this.#entry, [], {
      env: { ...process.env, SCHEDULER_PLAN: JSON.stringify(this.#plan) },
      execArgv: [],
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    })
    const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()))
    const member: Member = { child, leads: false, stopped: false, gone }
    this.#members.add(member)
    child.on('message', ({ leads }: SchedulerWord) => {
      // A word that was on its way when the process was stopped says nothing of now.
      member.leads = leads && !member.stopped
      for (const tell of this.#told.splice(0)) tell()
    })
    void gone.then(() => {
      this.#members.delete(member)
      if (!this.#closing) this.#start()
    })
  }
}
