/**
 * Row 31d: a tenant has a hundred thousand tasks queued, and another one adds ten. How long these wait is held
 * against how long they wait where nothing is queued: at most twice as long. Its control, which must fail: no
 * fairness. What is measured is time, so only a quiet machine tells.
 */
import type { EngineName } from '../engines.ts'
import type { Outcome } from '../row.ts'
import type { StageOptions } from '../stage.ts'
import { limitsBroker, limitTasks, type LimitTasks } from '../worker/limits-process.ts'
import { closeStore, Crew, Journal, planOf } from './limits-crew.ts'

/** How much of it. */
export interface FairWaits {
  readonly engine: EngineName
  /** What the big tenant has queued. */
  readonly queued: number
  readonly rounds: number
  /** The control: without fairness. */
  readonly unfair: boolean
}

const added = 10
/** How many times as long they may wait. */
const factor = 2

/** Runs it. */
export async function fairWaits(
  options: Pick<StageOptions, 'program' | 'seed' | 'log'>,
  { engine, queued, rounds, unfair }: FairWaits,
): Promise<Outcome> {
  const plan = planOf(options, { engine, unfair })
  const broker = limitsBroker(plan)
  const { tenant } = limitTasks(broker, plan)
  const crew = new Crew(options.program.entry('limits-process.ts'), plan, 1)
  const journal = new Journal(plan)
  try {
    await broker.start()
    await crew.ready()
    await waits(tenant, journal, 5)
    const empty = await waits(tenant, journal, rounds)
    for (let n = 0; n < queued; n += 1000)
      await tenant.kiqMany(Array.from({ length: Math.min(1000, queued - n) }, () => ['a', 0]))
    options.log(`${queued} queued`)
    // Without fairness a single round says enough, and takes as long as the whole queue.
    const beside = unfair ? await first(tenant, journal) : await waits(tenant, journal, rounds)
    const [before, after] = [p99(empty), p99(beside)]
    const slow = after > before * factor
    const facts = {
      'p99 empty ms': before.toFixed(1),
      'p99 beside ms': after.toFixed(1),
      times: (after / before).toFixed(2),
    }
    if (unfair) {
      const blind = 'this control passed: without fairness nobody waited longer'
      return { faults: slow ? [] : [blind], facts }
    }
    return { faults: slow ? [`they waited ${facts.times} times as long`] : [], facts }
  } finally {
    await crew.close()
    journal.close()
    await closeStore(plan, broker)
  }
}

/** Milliseconds from send to start of each task of the small tenant, ten at a time. */
async function waits(
  tenant: LimitTasks['tenant'],
  journal: Journal,
  rounds: number,
): Promise<number[]> {
  for (let round = 0; round < rounds; round++) {
    const sentAt = Date.now()
    const calls = Array.from({ length: added }, (): [string, number] => ['b', sentAt])
    const handles = await tenant.kiqMany(calls)
    await Promise.all(handles.map((handle) => handle.result()))
  }
  return waitsIn(journal.read())
}

/** The wait of those that come first, or how long they were waited for in vain. */
async function first(tenant: LimitTasks['tenant'], journal: Journal): Promise<number[]> {
  const sentAt = Date.now()
  const [handle] = await tenant.kiqMany([['b', sentAt]])
  const patience = 15_000
  await handle?.result({ timeout: patience }).catch(() => undefined)
  const found = waitsIn(journal.read())
  return found.length > 0 ? found : [patience]
}

function waitsIn(lines: readonly string[][]): number[] {
  return lines.flatMap(([what, kind, waited]) =>
    what === 'S' && kind === 'B' ? [Number(waited)] : [],
  )
}

function p99(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return Math.max(1, sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * 0.99))] ?? 0)
}
