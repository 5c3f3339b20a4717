import { sleep } from '../../../src/core/clock.ts'
import type { TaskContext as Context } from '../../../src/core/context.ts'
import { TaskContext } from '../../../src/dependencies/task-context.ts'
import type { RunEnd } from '../worker/ledger.ts'
import type { Plan } from './plans.ts'
import type { SimulatedProcess } from './simulated-process.ts'
import type { Witness } from './witness.ts'

/** Defines the tasks of the plans on a process's broker, once for each number of retries. */
export function simulatedTasks(
  process: SimulatedProcess,
  plans: ReadonlyMap<string, Plan>,
  witness: Witness,
) {
  const known = defined.get(process)
  if (known !== undefined) return known
  const { broker, clock, ledger, pid } = process
  let runs = 0

  const run = async (ctx: Context, id: string): Promise<string> => {
    // It vanished in the middle of this very turn: what the code goes on to start never happens.
    if (!process.alive) return new Promise(() => {})
    const no = `${pid}.${++runs}`
    let how: RunEnd = 'failed'
    witness.started(process, ctx)
    ledger.write({ kind: 'start', id, run: no })
    try {
      await behave(ctx, id)
      how = 'ok'
      return no
    } catch (error) {
      if (ctx.signal.aborted) how = 'abandoned'
      throw error
    } finally {
      ledger.write({ kind: 'end', id, run: no, how })
      witness.ended(process, id)
    }
  }
  const behave = async (ctx: Context, id: string): Promise<void> => {
    const plan = plans.get(id)
    if (plan === undefined) return
    const { behaviour, ms, fails } = plan
    switch (behaviour) {
      case 'quick':
        return
      case 'work':
      case 'parent':
        await sleep(clock, ms, { signal: ctx.signal })
        ctx.signal.throwIfAborted()
        if (behaviour === 'parent') await child(id)
        return
      case 'deaf':
        return sleep(clock, ms)
      case 'flaky':
      case 'failing':
        await sleep(clock, ms / 10)
        if (behaviour === 'failing' || ctx.attempt <= fails) throw new Error('as planned')
        return
      case 'later':
        return ctx.attempt <= fails ? ctx.retry({ delay: ms }) : undefined
      case 'rejecting':
        return ctx.reject('as planned')
      case 'hang':
        return new Promise(() => {})
      case 'block':
        process.freeze(ms)
        return sleep(clock, 0)
      case 'poison':
        process.vanish()
        return new Promise(() => {})
    }
  }
  /** Sends another, again and again until it is stored. */
  const child = async (parent: string): Promise<void> => {
    const id = `${parent}.child`
    for (;;) {
      ledger.write({ kind: 'attempt', id, parent })
      try {
        const { isDuplicate } = await tasks[0].kicker().withTaskId(id).kiq(id)
        ledger.write({ kind: 'ack', id, known: isDuplicate })
        return
      } catch {
        await sleep(clock, 30)
      }
    }
  }
  const define = (name: string, max: number) =>
    broker.task(
      { name, deps: { ctx: TaskContext }, retry: { max, backoff: '100ms' } },
      ({ ctx }, id: string): Promise<string> => run(ctx, id),
    )
  const tasks = { 0: define('no-retries', 0), 2: define('two-retries', 2) } as const
  const made = { tasks }
  defined.set(process, made)
  return made
}

type Made = { readonly tasks: Readonly<Record<0 | 2, SimulatedTask>> }
type SimulatedTask = { kicker(): SimulatedKicker }
interface SimulatedKicker {
  withTaskId(id: string): SimulatedKicker
  withPriority(priority: 0): SimulatedKicker
  withDelay(ms: number): SimulatedKicker
  withExpiry(ms: number): SimulatedKicker
  withTimeout(ms: number): SimulatedKicker
  kiq(id: string): Promise<{ readonly isDuplicate: boolean }>
}

const defined = new WeakMap<SimulatedProcess, Made>()
