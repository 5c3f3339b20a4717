/**
 * Rows 30a and 30b: random workflows on three worker processes that are killed, and stopped beyond their leases, all
 * the time; each generation is held against the evaluator of the tree, and what the store accepted from
 * workers against their ledgers. With the sweep of workers and without: a sweep would make a workflow that
 * was lost one that is late, and so hide it.
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { seededRandom, type WorkflowStore } from 'taskwright'
import { Claims } from '../claims.ts'
import { Fleet } from '../fleet.ts'
import type { Outcome } from '../row.ts'
import type { StageOptions } from '../stage.ts'
import { sweepKeys } from '../sweep-keys.ts'
import { openLedger, readLedgers, type Ledger } from '../worker/ledger.ts'
import { pause } from '../worker/pause.ts'
import { workflowBroker, workflowTransport, type WorkflowPlan } from '../worker/workflow-process.ts'
import { drawn, mostTasks, play, type Draw, type PlayedOut } from './workflow-play.ts'

/** How much of it. */
export interface WorkflowKills {
  readonly engine: 'sqlite' | 'redis'
  readonly runs: number
  readonly sweeps: boolean
}

const workers = 3
const atOnce = 20

/** Runs it. */
export async function workflowKills(
  { program, seed, log }: Pick<StageOptions, 'program' | 'seed' | 'log'>,
  { engine, runs, sweeps }: WorkflowKills,
): Promise<Outcome> {
  const random = seededRandom(seed)
  const draw: Draw = (below) => Math.floor(random.next() * below)
  const prefix = `faults-workflows-${process.pid}-${seed}-`
  const folder = program.scratch('workflows')
  const ledgers = join(folder, 'ledgers')
  mkdirSync(ledgers)
  const plan: WorkflowPlan = {
    tasks: mostTasks,
    sweeps,
    ledger: ledgers,
    store:
      engine === 'sqlite'
        ? { kind: 'sqlite', file: join(folder, 'tasks.db') }
        : { kind: 'redis', url: process.env['REDIS_URL'] ?? 'redis://127.0.0.1:6379', prefix },
  }
  const { broker, store } = await openAsJudge(plan)
  const ledger = openLedger(ledgers)
  const fleet = new StruckFleet(program.entry('workflow-process.ts'), plan, ledger)
  const faults: string[] = []
  const out: PlayedOut[] = []
  const striking = fleet.strike(draw)
  try {
    // Drawn before anything runs: the order in which they end draws nothing.
    const next = Array.from({ length: runs }, () => drawn(draw)).entries()
    await Promise.all(
      Array.from({ length: atOnce }, async () => {
        for (const [i, played] of next) {
          try {
            out.push(await play({ broker, store, sweeps }, played))
          } catch (error) {
            const fault = `run ${i}: ${(error as Error).message.slice(0, 400)}`
            faults.push(fault)
            log(fault)
          }
          const done = out.length + faults.length
          if (done % 25 === 0) log(`${done} runs, ${fleet.kills} kills, ${faults.length} faults`)
        }
      }),
    )
  } finally {
    await fleet.close(striking)
    await broker.stop()
    ledger.close()
    if (plan.store.kind === 'redis') await sweepKeys(plan.store)
  }
  const claims = new Claims(readLedgers(ledgers))
  faults.push(...acceptedTwice(claims))
  return { faults, facts: { ...factsOf(out), messages: claims.ids().length, ...fleet.facts } }
}

/** A broker beside the workers, and the store behind it. */
async function openAsJudge(plan: WorkflowPlan) {
  const inner = workflowTransport(plan)
  let store: WorkflowStore | undefined
  const broker = workflowBroker(plan, {
    ...inner,
    create(around) {
      const opened = inner.create(around)
      store = opened.workflows
      return opened
    },
  })
  await broker.start()
  if (store === undefined) throw new Error('this store keeps no workflows')
  return { broker, store }
}

/** Each step of each generation is ended once in effect, and by its holder only. */
function acceptedTwice(claims: Claims): string[] {
  const found = {
    'ended twice': claims.settledTwice(),
    'ended by who had lost it': claims.staleSettles(),
    'claimed after its end': claims.claimedAfterEnd(),
  }
  return Object.entries(found).flatMap(([what, ids]) =>
    ids.length === 0 ? [] : [`${what}: ${ids.length} (${ids.slice(0, 5).join(', ')})`],
  )
}

function factsOf(out: readonly PlayedOut[]): Record<string, number> {
  const sum = (of: (one: PlayedOut) => number): number => out.reduce((all, one) => all + of(one), 0)
  const sizes = out.map(({ nodes }) => nodes).sort((a, b) => a - b)
  return {
    runs: out.length,
    generations: sum(({ generations }) => generations),
    nodes: sum(({ nodes }) => nodes),
    'smallest run': sizes[0] ?? 0,
    'median run': sizes[sizes.length >> 1] ?? 0,
    'largest run': sizes.at(-1) ?? 0,
    cancels: sum(({ cancelled }) => cancelled),
    'cancels in the middle of a step': sum(({ unjudged }) => unjudged),
    'left to a sweep': sum(({ leftToSweeps }) => leftToSweeps),
  }
}

/** Worker processes: one that ends is started anew. */
class StruckFleet {
  kills = 0
  #stops = 0
  #closing = false
  readonly #fleet: Fleet

  constructor(entry: string, plan: WorkflowPlan, ledger: Ledger) {
    this.#fleet = new Fleet({ ledger, entry, plan: () => plan })
    for (let no = 0; no < workers; no++) this.#keep(no)
  }

  get facts(): Record<string, number> {
    return { kills: this.kills, stops: this.#stops }
  }

  /** Strikes one after the other: mostly a kill, now and then a stop for longer than a lease. */
  async strike(draw: Draw): Promise<void> {
    while (!this.#closing) {
      await pause(500 + draw(1500))
      const { working } = this.#fleet
      // On a slow machine too they get something done between two strikes.
      if (working.length < workers) continue
      const member = working[draw(working.length)]
      if (member === undefined || this.#closing) continue
      if (draw(4) > 0) {
        this.kills++
        this.#fleet.strike(member, 'SIGKILL', 'kill')
        await member.gone
      } else {
        this.#stops++
        this.#fleet.strike(member, 'SIGSTOP', 'stop')
        await pause(1500)
        this.#fleet.heal(member, 'stop')
      }
    }
  }

  async close(striking: Promise<void>): Promise<void> {
    this.#closing = true
    await striking
    await this.#fleet.stop(8000)
  }

  #keep(no: number): void {
    void this.#fleet.start(no).gone.then(() => {
      if (!this.#closing) this.#keep(no)
    })
  }
}
