/**
 * Row 31c: tasks are cancelled at a random moment of their lives, by another process than the one that runs
 * them. What was cancelled ends as cancelled, what was too late as succeeded, and nothing begins to run after
 * a cancel was acknowledged. Its control, which must fail: a cancel that says yes and does nothing.
 */
import { appendFileSync } from 'node:fs'
import { seededRandom, type Random } from 'taskwright'
import type { EngineName } from '../engines.ts'
import type { Outcome } from '../row.ts'
import type { StageOptions } from '../stage.ts'
import { limitsBroker, limitTasks, type LimitTasks } from '../worker/limits-process.ts'
import { pause } from '../worker/pause.ts'
import { closeStore, Crew, Journal, planOf } from './limits-crew.ts'

/** How much of it. */
export interface CancelPhases {
  readonly engine: EngineName
  readonly tasks: number
  /** The control: nothing is cancelled. */
  readonly idle: boolean
}

const inFlight = 60

/** Runs it. */
export async function cancelPhases(
  options: Pick<StageOptions, 'program' | 'seed' | 'log'>,
  { engine, tasks, idle }: CancelPhases,
): Promise<Outcome> {
  const { program, seed, log } = options
  const random = seededRandom(seed)
  const plan = planOf(options, { engine })
  const broker = limitsBroker(plan)
  const { cancellable } = limitTasks(broker, plan)
  const crew = new Crew(program.entry('limits-process.ts'), plan, 2)
  const journal = new Journal(plan)
  const tally = new Tally()
  try {
    await broker.start()
    await crew.ready()
    let left = tasks
    const acknowledged = (id: string): void => appendFileSync(plan.journal, `C ${id}\n`)
    const lane = async (): Promise<void> => {
      while (left > 0) {
        if (left-- % 5000 === 0) log(`${left} left`)
        tally.add(await oneLife(cancellable, random, { idle, acknowledged }))
      }
    }
    await Promise.all(Array.from({ length: inFlight }, lane))
    for (const line of journal.read()) tally.hear(line)
    const judged = tally.judge()
    if (!idle) return judged
    const blind = 'this control passed: a cancel that does nothing was not missed'
    return { ...judged, faults: judged.faults.length > 0 ? [] : [blind] }
  } finally {
    await crew.close()
    journal.close()
    await closeStore(plan, broker)
  }
}

interface Life {
  readonly id: string
  readonly phase: string
  readonly cancelled: boolean
  readonly status: string
}

/** Sends one, cancels it somewhere between its send and some time after its end, and waits for its end. */
async function oneLife(
  task: LimitTasks['cancellable'],
  random: Random,
  { idle, acknowledged }: { idle: boolean; acknowledged: (id: string) => void },
): Promise<Life> {
  const delayed = random.next() < 0.3
  const wait = random.next() ** 2 * 40
  const work = Math.floor(random.next() * 250)
  const handle = await (delayed ? task.kicker().withDelay(20) : task.kicker()).kiq(work)
  if (wait > 1) await pause(wait)
  const phase = (await handle.status()) ?? 'ended'
  const cancelled = idle ? phase !== 'succeeded' : await handle.cancel('at random')
  if (cancelled) acknowledged(handle.taskId)
  const { status } = await handle.waitResult({ timeout: '60s' })
  return { id: handle.taskId, phase, cancelled, status }
}

/** What all lives came to, beside what the journal says of their runs. */
class Tally {
  readonly #phases: Record<string, number> = {}
  readonly #acknowledged = new Map<string, number>()
  readonly #faults: string[] = []
  #lines = 0
  #late = 0
  #cancelled = 0
  #tooLate = 0

  add({ id, phase, cancelled, status }: Life): void {
    this.#phases[phase] = (this.#phases[phase] ?? 0) + 1
    if (cancelled) this.#cancelled++
    else this.#tooLate++
    const wanted = cancelled ? 'cancelled' : 'succeeded'
    if (status !== wanted)
      this.#faults.push(`${id}: cancelled while ${phase}, ${String(cancelled)}, but it ${status}`)
  }

  /** Lines are in the order in which they were written, by whichever process. */
  hear([what = '', kind = '', id = '']: readonly string[]): void {
    this.#lines++
    if (what === 'C') this.#acknowledged.set(kind, this.#lines)
    else if (what === 'S' && kind === 'C' && this.#acknowledged.has(id)) {
      this.#late++
      this.#faults.push(`${id} began after its cancel was acknowledged`)
    }
  }

  judge(): Outcome {
    const facts = {
      cancelled: this.#cancelled,
      'too late': this.#tooLate,
      'begun after': this.#late,
      ...this.#phases,
    }
    return { faults: this.#faults.slice(0, 10), facts }
  }
}
