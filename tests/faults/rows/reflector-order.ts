/**
 * Rows w1 and w2: the two workflows of the reference application with random delays, on three worker
 * processes. In every run each step begins after all before it have ended, and runs once.
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { chain, chord, group, seededRandom, type WorkflowHandle } from 'taskwright'
import { Fleet } from '../fleet.ts'
import type { Outcome } from '../row.ts'
import type { StageOptions } from '../stage.ts'
import { sweepKeys } from '../sweep-keys.ts'
import { openLedger, readLedgers, type Entry } from '../worker/ledger.ts'
import {
  reflectorBroker,
  type ReflectorPlan,
  type ReflectorStep,
} from '../worker/reflector-process.ts'

/** A workflow: what comes before what. */
export interface ReflectorWorkflow {
  readonly name: 'w1' | 'w2'
  readonly before: readonly (readonly [ReflectorStep, ReflectorStep])[]
}

const sound = [
  'waveform',
  'convert_to_mp3',
  'upload_mp3',
  'remove_upload',
  'diarization',
  'cleanup_consent',
] as const

/** What follows a file, and what follows a live recording. */
export const reflectorWorkflows: readonly ReflectorWorkflow[] = [
  {
    name: 'w1',
    before: [
      ['cleanup_consent', 'post_to_zulip'],
      ['post_to_zulip', 'send_webhook'],
    ],
  },
  {
    name: 'w2',
    before: [
      ...sound.slice(1).map((step, i) => [sound[i] ?? step, step] as const),
      ['cleanup_consent', 'final_summaries'],
      ['title', 'final_summaries'],
      ['final_summaries', 'post_to_zulip'],
    ],
  },
]

const workers = 3
const atOnce = 50
const patience = 120_000

/** What is run. */
export interface ReflectorRuns {
  readonly workflow: ReflectorWorkflow
  readonly runs: number
  /** False: as a group, whose steps have no order: what looks for disorder must find it. */
  readonly ordered: boolean
}

/** Runs it on Redis. */
export async function reflectorOrder(
  { program, seed, log }: Pick<StageOptions, 'program' | 'seed' | 'log'>,
  { workflow, runs, ordered }: ReflectorRuns,
): Promise<Outcome> {
  const random = seededRandom(seed)
  const draw = (below: number): number => Math.floor(random.next() * below)
  // Mostly short, so that steps of many runs cross; now and then one that all others pass by.
  const delay = (): number => (draw(20) === 0 ? draw(400) : draw(15))
  const ledgers = join(program.scratch('reflector'), 'ledgers')
  mkdirSync(ledgers)
  const url = process.env['REDIS_URL'] ?? 'redis://127.0.0.1:6379'
  const plan: ReflectorPlan = {
    url,
    prefix: `faults-reflector-${process.pid}-${seed}-`,
    ledger: ledgers,
  }
  const ledger = openLedger(ledgers)
  const { broker, tasks } = reflectorBroker(plan, ledger)
  const step = (name: ReflectorStep, id: string) => tasks[name].si(id, delay())
  const send = (id: string): Promise<WorkflowHandle<unknown>> => {
    const zulip = step('post_to_zulip', id)
    if (!ordered) return group([step('cleanup_consent', id), zulip, step('send_webhook', id)]).kiq()
    if (workflow.name === 'w1')
      return chain(step('cleanup_consent', id), zulip, step('send_webhook', id)).kiq()
    const parts = chain.from(sound.map((name) => step(name, id)))
    return chord([parts, step('title', id)], step('final_summaries', id))
      .andThen(zulip)
      .kiq()
  }
  const fleet = new Fleet({
    ledger,
    entry: program.entry('reflector-process.ts'),
    plan: () => plan,
  })
  const faults: string[] = []
  try {
    await broker.start()
    await Promise.all(Array.from({ length: workers }, (_, no) => fleet.start(no).ready))
    const next = Array.from({ length: runs }, (_, i) => i).values()
    let done = 0
    await Promise.all(
      Array.from({ length: atOnce }, async () => {
        for (const i of next) {
          const { status } = await (await send(`t${i}`)).waitResult({ timeout: patience })
          if (status !== 'succeeded') faults.push(`run ${i}: ${status}`)
          if (++done % 250 === 0) log(`${done} runs`)
        }
      }),
    )
  } finally {
    await fleet.stop(8000)
    await broker.stop()
    ledger.close()
    await sweepKeys(plan)
  }
  const found = happensBefore(readLedgers(ledgers), workflow, runs)
  return { faults: [...faults, ...found.faults], facts: { runs, ...found.facts } }
}

/** W1 without its order: a control, in order when disorder is found. */
export async function reflectorControl(
  options: Pick<StageOptions, 'program' | 'seed' | 'log'>,
): Promise<Outcome> {
  const [workflow] = reflectorWorkflows
  if (workflow === undefined) throw new Error('there is no workflow')
  const { faults } = await reflectorOrder(options, { workflow, runs: 20, ordered: false })
  const found = faults.filter((text) => text.includes('before the end')).length
  const blind = 'this control passed: disorder was not found, so it would not be found either'
  return { faults: found === 0 ? [blind] : [], facts: { 'caught: pairs out of order': found } }
}

/** Whether each step of each run began once, and after the end of all before it. */
function happensBefore(
  entries: readonly Entry[],
  { before }: ReflectorWorkflow,
  runs: number,
): { faults: string[]; facts: Record<string, number> } {
  const starts = new Map<string, number[]>()
  const ends = new Map<string, number>()
  const processes = new Set<number>()
  for (const entry of entries) {
    if (entry.kind === 'start') {
      starts.set(entry.id, [...(starts.get(entry.id) ?? []), entry.at])
      processes.add(entry.pid)
    }
    if (entry.kind === 'end' && !ends.has(entry.id)) ends.set(entry.id, entry.at)
  }
  const faults: string[] = []
  let pairs = 0
  const steps = new Set(before.flat())
  for (let i = 0; i < runs; i++) {
    for (const step of steps) {
      const times = starts.get(`t${i}/${step}`)?.length ?? 0
      if (times !== 1) faults.push(`run ${i}: ${step} began ${times} times`)
    }
    for (const [first, second] of before) {
      pairs++
      const ended = ends.get(`t${i}/${first}`) ?? Infinity
      const [began = -Infinity] = starts.get(`t${i}/${second}`) ?? []
      if (began < ended) faults.push(`run ${i}: ${second} began before the end of ${first}`)
    }
  }
  if (processes.size !== workers) faults.push(`${processes.size} processes took part`)
  return {
    faults,
    facts: { steps: ends.size, 'pairs in order': pairs, processes: processes.size },
  }
}
