/**
 * Row 31: workers of limited and ordered tasks are killed again and again. Never more than the limit at once,
 * no permit is lost, each key first in, first out. Its controls, which must fail: permits that nobody times
 * out, and uniqueness by a look before the send.
 */
import { fork, type ChildProcess } from 'node:child_process'
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { seededRandom } from 'taskwright'
import type { EngineName } from '../engines.ts'
import type { Outcome } from '../row.ts'
import type { StageOptions } from '../stage.ts'
import { sweepKeys } from '../sweep-keys.ts'
import { limitsBroker, limitTasks, type LimitsPlan } from '../worker/limits-process.ts'
import { pause } from '../worker/pause.ts'

/** How much of it. */
export interface LimitKills {
  readonly engine: EngineName
  readonly tasks: number
  readonly keys: number
  /** The control: a stall must be found. */
  readonly endless: boolean
}

const lease = 2000
const workers = 4
/** Milliseconds without any end after which it stands still. */
const still = 15_000

function planOf(
  { program, seed }: Pick<StageOptions, 'program' | 'seed'>,
  { engine, endless }: Pick<LimitKills, 'engine' | 'endless'>,
): LimitsPlan {
  const folder = program.scratch('limits')
  const prefix = `faults-limits-${process.pid}-${seed}-${endless ? 'e' : 'g'}-`
  const journal = join(folder, 'journal')
  writeFileSync(journal, '')
  return {
    journal,
    limit: 1 + (seed % 10),
    lease,
    endless,
    store:
      engine === 'sqlite'
        ? { kind: 'sqlite', file: join(folder, 'tasks.db') }
        : { kind: 'redis', url: process.env['REDIS_URL'] ?? 'redis://127.0.0.1:6379', prefix },
  }
}

/** Runs it. */
export async function limitKills(
  options: Pick<StageOptions, 'program' | 'seed' | 'log'>,
  { engine, tasks, keys, endless }: LimitKills,
): Promise<Outcome> {
  const { program, seed, log } = options
  const random = seededRandom(seed)
  const plan = planOf(options, { engine, endless })
  const broker = limitsBroker(plan)
  const { limited, ordered } = limitTasks(broker, plan)
  const crew = new Crew(program.entry('limits-process.ts'), plan)
  const perKey = endless ? 0 : Math.floor(tasks / keys / 2)
  try {
    await broker.start()
    await crew.ready()
    for (let n = 0; n < tasks; n += 500) {
      const count = Math.min(500, tasks - n)
      await limited.kiqMany(Array.from({ length: count }, (_, i) => [n + i] as [number]))
    }
    for (let n = 0; n < perKey; n++)
      await ordered.kiqMany(Array.from({ length: keys }, (_, key) => [key, n] as [number, number]))
    let kills = 0
    let ended = -1
    let moved = performance.now()
    const begun = performance.now()
    while (performance.now() - moved < still) {
      await pause(1000)
      const now = endsIn(plan)
      if (now !== ended) [ended, moved] = [now, performance.now()]
      if (ended >= tasks + perKey * keys) break
      const striking = endless ? kills < 2 * workers : random.next() < 0.6
      if (striking && crew.strike(random.next())) kills++
      if (kills % 20 === 10) log(`${ended} ended, ${kills} kills`)
    }
    const seconds = (performance.now() - begun) / 1000
    const judged = judge(plan, { tasks, keys, perKey })
    if (endless) {
      const caught = judged.faults.length > 0
      const blind = 'this control passed: a permit that is never timed out was not missed'
      return { faults: caught ? [] : [blind], facts: { ...judged.facts, kills } }
    }
    return { ...judged, facts: { ...judged.facts, kills, seconds: Math.round(seconds) } }
  } finally {
    await crew.close()
    await broker.purge('limits').catch(() => 0)
    await broker.stop()
    if (plan.store.kind === 'redis') await sweepKeys(plan.store)
  }
}

function linesOf({ journal }: LimitsPlan): string[][] {
  return readFileSync(journal, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.split(' '))
}

/** How many different tasks have ended. */
function endsIn(plan: LimitsPlan): number {
  const ended = linesOf(plan).flatMap(([what, ...rest]) =>
    what === 'E' ? [rest.slice(0, -1).join(' ')] : [],
  )
  return new Set(ended).size
}

function judge(
  plan: LimitsPlan,
  { tasks, keys, perKey }: { tasks: number; keys: number; perKey: number },
): Outcome {
  const running = new Map<string, string>()
  const done = new Set<number>()
  const next = new Map<string, number>()
  const faults: string[] = []
  let most = 0
  let runs = 0
  for (const [what = '', kind = '', a = '', b = '', c = ''] of linesOf(plan)) {
    if (what === 'K') {
      for (const [run, pid] of running) if (pid === kind) running.delete(run)
      continue
    }
    if (kind === 'L') {
      const run = `${a} ${b}`
      if (what === 'S') {
        runs++
        running.set(run, b)
        most = Math.max(most, running.size)
      } else {
        running.delete(run)
        done.add(Number(a))
      }
    } else if (kind === 'O') {
      const wanted = next.get(a) ?? 0
      if (Number(b) > wanted) faults.push(`key ${a}: ${b} (${what}, process ${c}) before ${wanted}`)
      if (what === 'E' && Number(b) === wanted) next.set(a, wanted + 1)
    }
  }
  if (most > plan.limit) faults.push(`${most} at once, of ${plan.limit}`)
  if (done.size < tasks)
    faults.push(`${tasks - done.size} limited tasks never ended: a permit is lost`)
  for (let key = 0; key < keys; key++) {
    const came = next.get(String(key)) ?? 0
    if (came < perKey) faults.push(`key ${key} came to ${came} of ${perKey}`)
  }
  return { faults: faults.slice(0, 10), facts: { limit: plan.limit, 'most at once': most, runs } }
}

/**
 * Producers that all send at once, in many rounds: one message each. With `looks` they look first and then
 * send without a key, as one would by hand: that must be found to fail.
 */
export async function uniqueRace(
  options: Pick<StageOptions, 'program' | 'seed'>,
  { engine, rounds, looks }: { engine: EngineName; rounds: number; looks: boolean },
): Promise<Outcome> {
  const plan = planOf(options, { engine, endless: looks })
  const brokers = Array.from({ length: 5 }, () => limitsBroker(plan))
  const key = (round: number): string => String(round)
  const sends = brokers.map((broker) => {
    const unique = broker.task({ name: 'unique', unique: { key } }, async (_round: number) => {})
    const plain = broker.task('plain', async (_round: number) => {})
    return async (round: number): Promise<boolean> => {
      if (!looks) return !(await unique.kiq(round)).isDuplicate
      if ((await unique.pending(round)) !== null) return false
      await plain.kiq(round)
      await unique.kiq(round)
      return true
    }
  })
  let wrong = 0
  try {
    for (const broker of brokers) await broker.start()
    for (let round = 0; round < rounds; round++) {
      const all = Array.from({ length: 10 }, () => sends).flat()
      const sent = await Promise.all(all.map((send) => send(round)))
      if (sent.filter((one) => one).length !== 1) wrong++
    }
  } finally {
    await brokers[0]?.purge('limits').catch(() => 0)
    for (const broker of brokers) await broker.stop()
    if (plan.store.kind === 'redis') await sweepKeys(plan.store)
  }
  const facts = { rounds, producers: 50, 'rounds with other than one': wrong }
  if (looks) {
    const blind = 'this control passed: a look before the send never sent twice'
    return { faults: wrong > 0 ? [] : [blind], facts }
  }
  return { faults: wrong > 0 ? [`${wrong} rounds had other than one message`] : [], facts }
}

/** Worker processes; one that is killed is started anew, and its death is written down when it is certain. */
class Crew {
  readonly #entry: string
  readonly #plan: LimitsPlan
  readonly #members = new Set<{ readonly child: ChildProcess; readonly gone: Promise<void> }>()
  readonly #ready: Promise<void>[] = []
  #closing = false

  constructor(entry: string, plan: LimitsPlan) {
    this.#entry = entry
    this.#plan = plan
    for (let i = 0; i < workers; i++) this.#start()
  }

  async ready(): Promise<void> {
    await Promise.all(this.#ready)
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
