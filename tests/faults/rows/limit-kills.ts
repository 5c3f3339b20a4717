/**
 * Row 31: workers of limited and ordered tasks are killed again and again. Never more than the limit at once
 * (of ten tasks with limits of 1 to 10), no permit is lost, each key first in, first out. Its control, which
 * must fail: permits that nobody times out.
 */
import { seededRandom } from 'taskwright'
import type { EngineName } from '../engines.ts'
import type { Outcome } from '../row.ts'
import type { StageOptions } from '../stage.ts'
import { limitOf, limitsBroker, limitTasks } from '../worker/limits-process.ts'
import { pause } from '../worker/pause.ts'
import { closeStore, Crew, Journal, planOf } from './limits-crew.ts'

/** How much of it. */
export interface LimitKills {
  readonly engine: EngineName
  readonly tasks: number
  readonly keys: number
  /** Ordered tasks of each key. */
  readonly perKey: number
  /** The control: a stall must be found. */
  readonly endless: boolean
}

/** Milliseconds without any end after which it stands still. */
const still = 30_000
/** The control kills so often; then it is clear. */
const endlessKills = 12

/** Runs it. */
export async function limitKills(
  options: Pick<StageOptions, 'program' | 'seed' | 'log'>,
  { engine, tasks, keys, perKey, endless }: LimitKills,
): Promise<Outcome> {
  const { program, seed, log } = options
  const random = seededRandom(seed)
  const plan = planOf(options, { engine, endless })
  const broker = limitsBroker(plan)
  const { limited, ordered } = limitTasks(broker, plan)
  const crew = new Crew(program.entry('limits-process.ts'), plan)
  const journal = new Journal(plan)
  const score = new Score()
  try {
    await broker.start()
    await crew.ready()
    for (let n = 0; n < tasks; n += 500) {
      const page = Array.from({ length: Math.min(500, tasks - n) }, (_, i) => n + i)
      for (const [i, task] of limited.entries()) {
        const calls = page.filter((each) => limitOf(each) === i + 1)
        if (calls.length > 0) await task.kiqMany(calls.map((each): [number] => [each]))
      }
    }
    for (let n = 0; n < perKey; n++)
      await ordered.kiqMany(Array.from({ length: keys }, (_, key): [number, number] => [key, n]))
    let kills = 0
    let ended = -1
    let struckAt = 0
    let moved = performance.now()
    const begun = performance.now()
    while (performance.now() - moved < (endless ? still / 2 : still)) {
      await pause(1000)
      for (const line of journal.read()) score.take(line)
      if (score.ended !== ended) [ended, moved] = [score.ended, performance.now()]
      if (ended >= tasks + perKey * keys) break
      // What is killed must have come to work in between, however slow the machine.
      const worked = ended - struckAt >= (tasks + perKey * keys) / 250
      const striking = endless ? kills < endlessKills : worked && random.next() < 0.6
      if (striking && crew.strike(random.next())) {
        kills++
        struckAt = ended
      }
      if (kills % 20 === 10 && struckAt === ended) log(`${ended} ended, ${kills} kills`)
    }
    const seconds = Math.round((performance.now() - begun) / 1000)
    const judged = score.judge({ tasks, keys, perKey })
    const facts = { ...judged.facts, kills, seconds }
    if (!endless) return { ...judged, facts }
    const blind = 'this control passed: a permit that is never timed out was not missed'
    return { faults: judged.faults.length > 0 ? [] : [blind], facts }
  } finally {
    await crew.close()
    journal.close()
    await closeStore(plan, broker)
  }
}

/** What the journal comes to, line by line. */
class Score {
  readonly #running = new Map<string, { readonly limit: number; readonly pid: string }>()
  readonly #atOnce = new Map<number, number>()
  readonly #done = new Set<number>()
  readonly #next = new Map<string, number>()
  readonly #faults: string[] = []
  #runs = 0
  #inOrder = 0

  /** How many different tasks have ended. */
  get ended(): number {
    return this.#done.size + this.#inOrder
  }

  take([what = '', kind = '', a = '', b = '', c = '']: readonly string[]): void {
    if (what === 'K') return this.#killed(kind)
    if (kind === 'L') return this.#limited(what, Number(a), b)
    if (kind !== 'O') return
    const wanted = this.#next.get(a) ?? 0
    if (Number(b) > wanted)
      this.#faults.push(`key ${a}: ${b} (${what}, process ${c}) before ${wanted}`)
    if (what !== 'E' || Number(b) !== wanted) return
    this.#next.set(a, wanted + 1)
    this.#inOrder++
  }

  judge(of: { tasks: number; keys: number; perKey: number }): Outcome {
    const faults = [...this.#faults]
    for (const [limit, most] of this.#atOnce)
      if (most > limit) faults.push(`${most} at once, of ${limit}`)
    const lost = of.tasks - this.#done.size
    if (lost > 0) faults.push(`${lost} limited tasks never ended: a permit is lost`)
    for (let key = 0; key < of.keys; key++) {
      const came = this.#next.get(String(key)) ?? 0
      if (came < of.perKey) faults.push(`key ${key} came to ${came} of ${of.perKey}`)
    }
    const full = [...this.#atOnce].filter(([limit, most]) => most >= limit).length
    const facts = {
      limits: '1–10',
      'limits reached': full,
      runs: this.#runs,
      ordered: this.#inOrder,
    }
    return { faults: faults.slice(0, 10), facts }
  }

  #killed(pid: string): void {
    for (const [run, { pid: of }] of this.#running) if (of === pid) this.#running.delete(run)
  }

  #limited(what: string, n: number, pid: string): void {
    const run = `${n} ${pid}`
    if (what === 'E') {
      this.#running.delete(run)
      this.#done.add(n)
      return
    }
    this.#runs++
    const limit = limitOf(n)
    this.#running.set(run, { limit, pid })
    let now = 0
    for (const one of this.#running.values()) if (one.limit === limit) now++
    this.#atOnce.set(limit, Math.max(this.#atOnce.get(limit) ?? 0, now))
  }
}
