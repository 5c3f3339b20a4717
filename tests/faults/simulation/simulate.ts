/**
 * The worker, its settle and lease logic on the memory transport, under virtual time and random
 * faults: one to four workers, messages of all kinds, a producer that repeats what was not answered.
 * Everything comes from the seed, so a seed that fails fails again.
 */
import { seededRandom, type Random } from '../../../src/core/random.ts'
import { memoryTransport } from '../../../src/memory/memory-transport.ts'
import { memoryStore } from '../../../src/memory/named-stores.ts'
import { createWorker } from '../../../src/worker/create-worker.ts'
import type { Worker } from '../../../src/worker/worker.ts'
import type { WorkerOptions } from '../../../src/worker/worker-options.ts'
import { check, faultsOf, type FinalState } from '../checker.ts'
import type { Entry } from '../worker/ledger.ts'
import type { Mutation } from './mutations.ts'
import { drawPlans, fairEnds, hangTimeout, type Plan } from './plans.ts'
import { SimulatedProcess } from './simulated-process.ts'
import { simulatedTasks } from './simulated-tasks.ts'
import { calm, drawWeather, type Weather } from './weather.ts'
import { Witness } from './witness.ts'
import { settled, World } from './world.ts'

/** What a seed came to. */
export interface Simulated {
  readonly seed: number
  /** What did not hold; absent when all did. */
  readonly finding?: string | undefined
  readonly steps: number
  readonly messages: number
  readonly vanished: number
  /** Virtual milliseconds. */
  readonly elapsed: number
  /** What everybody saw, for those who look for the cause. */
  readonly entries: readonly Entry[]
}

const lease = 1000
/** Milliseconds in which messages are sent, and until the weather clears. */
const sending = 4000
const storm = 7000
/** After so long everything must have ended: a cancel that was cut off holds its message for 30 s. */
const drained = 200_000
const longest = 20_000

/** Runs one seed. */
export async function simulate(seed: number, mutation?: Mutation): Promise<Simulated> {
  return new Simulation(seed, mutation).run()
}

class Simulation {
  readonly #seed: number
  readonly #mutation: Mutation | undefined
  readonly #random: Random
  readonly #world = new World()
  readonly #name: string
  readonly #plans: ReadonlyMap<string, Plan>
  readonly #witness: Witness
  readonly #options: WorkerOptions
  readonly #storm: Weather
  readonly #workers = new Map<
    number,
    { readonly process: SimulatedProcess; readonly worker: Worker }
  >()
  readonly #processes: SimulatedProcess[] = []
  /** Workers that are told to stop and have not yet; each in a process that may stand still meanwhile. */
  readonly #stopping = new Set<{ readonly process: SimulatedProcess; readonly worker: Worker }>()
  #weather: Weather
  #lastPid = 0
  #vanished = 0
  #late = 0

  constructor(seed: number, mutation: Mutation | undefined) {
    this.#seed = seed
    this.#mutation = mutation
    this.#random = seededRandom(seed)
    const draw = (below: number): number => Math.floor(this.#random.next() * below)
    this.#name = `simulation-${seed}-${++runs}`
    this.#plans = new Map(drawPlans(this.#random, sending).map((plan) => [plan.id, plan]))
    this.#storm = drawWeather(this.#random)
    this.#weather = this.#storm
    const redeliveries = 1 + draw(3)
    this.#options = {
      lease,
      redeliveries,
      concurrency: 1 + draw(4),
      prefetch: draw(5),
      grace: 150,
      shutdownTimeout: 300,
      name: 'simulated',
      ...mutation?.worker,
    }
    this.#witness = new Witness(this.#world, memoryStore(this.#name), {
      plans: this.#plans,
      redeliveries,
    })
  }

  async run(): Promise<Simulated> {
    const slots = 1 + Math.floor(this.#random.next() * 4)
    for (let slot = 0; slot < slots; slot++) this.#start(slot)
    const producer = this.#process(false)
    for (const plan of this.#plans.values()) this.#send(producer, plan)
    this.#blow()
    this.#world.after(storm, () => (this.#weather = calm))
    await settled()
    const done = await this.#untilDrained()
    if (done) await this.#audit(producer)
    return {
      seed: this.#seed,
      finding: this.#witness.finding,
      steps: this.#world.steps,
      messages: this.#plans.size,
      vanished: this.#vanished,
      elapsed: this.#world.elapsed,
      entries: this.#witness.entries,
    }
  }

  /** Whether it drained without a finding. */
  async #untilDrained(): Promise<boolean> {
    const { messages } = memoryStore(this.#name)
    for (;;) {
      this.#witness.look()
      if (this.#witness.finding !== undefined) return false
      const { elapsed, steps } = this.#world
      if (elapsed >= storm && messages.size === 0 && this.#allIdle()) return true
      if (elapsed > drained + this.#late || steps > longest) {
        const left = [...messages.values()].map(({ id, state }) => `${id} ${state}`)
        this.#witness.find(`still there when everything should have ended: ${left.join(', ')}`)
        return false
      }
      if (!(await this.#world.step())) {
        this.#witness.find('nothing happens any more')
        return false
      }
    }
  }

  /**
   * Nobody runs anything or is about to. One that lost its lease long ago still is: what it has claimed
   * or sends may come late, and what it sends has to end before the audit.
   */
  #allIdle(): boolean {
    return [...this.#workers.values(), ...this.#stopping].every(
      ({ process, worker: { counts } }) =>
        !process.alive || (!process.expecting && counts.running === 0 && counts.prefetched === 0),
    )
  }

  #process(mayVanish: boolean): SimulatedProcess {
    const pid = ++this.#lastPid
    const process = new SimulatedProcess({
      pid,
      world: this.#world,
      store: memoryStore(this.#name),
      factory: memoryTransport({ store: this.#name }),
      seed: this.#seed * 1000 + pid,
      lease,
      mutation: this.#mutation,
      weather: () => (mayVanish ? this.#weather : { ...this.#weather, vanish: 0 }),
      claimed: (from, deliveries) => this.#witness.claimed(from, deliveries),
      ended: (claims, again) => this.#witness.endedClaims(claims, again),
      tell: (from, facts) => {
        this.#witness.tell(from, facts)
        if (facts.some((fact) => fact.kind === 'gone')) this.#replace(facts)
      },
    })
    this.#processes.push(process)
    return process
  }

  /** Starts a worker in a slot. */
  #start(slot: number): void {
    const process = this.#process(true)
    simulatedTasks(process, this.#plans, this.#witness)
    const worker = createWorker(process.broker, this.#options)
    worker.on('task-stuck', ({ id }) => this.#witness.ended(process, id))
    this.#workers.set(slot, { process, worker })
    worker.start().catch(() => this.#leave(slot))
  }

  #leave(slot: number): void {
    this.#workers.delete(slot)
    this.#world.after(50 + 500 * this.#random.next(), () => this.#start(slot))
  }

  #replace(facts: readonly { readonly kind: string; readonly target?: number }[]): void {
    const gone = facts.find(({ kind }) => kind === 'gone')?.target
    for (const [slot, { process }] of this.#workers) {
      if (process.pid !== gone) continue
      this.#vanished++
      this.#leave(slot)
    }
  }

  /** What happens to processes and to the machine, four times a second. */
  #blow(): void {
    const quarter = 250
    this.#world.after(quarter, () => {
      const { freeze, stop, step } = this.#weather
      for (const [slot, one] of this.#workers) {
        if (this.#random.next() < freeze / 4) one.process.freeze(lease * 2.5 * this.#random.next())
        else if (this.#random.next() < stop / 4) void this.#stop(slot, one)
      }
      if (this.#random.next() < step / 4) this.#setClock()
      if (this.#weather !== calm) this.#blow()
    })
  }

  #setClock(): void {
    const most = this.#random.next() < 0.5 ? 60_000 : 2000
    const by = Math.round((this.#random.next() - 0.5) * 2 * most)
    this.#world.wall += by
    // Leases end and messages are due by the machine's clock: set back, it makes them late.
    this.#late += Math.max(0, -by)
    this.#witness.stepped = true
    for (const process of this.#processes) if (process.alive) process.hinder(lease)
  }

  /** An orderly end: nothing may be left in the hands of the process. */
  async #stop(slot: number, one: { readonly process: SimulatedProcess; readonly worker: Worker }) {
    const { process, worker } = one
    this.#leave(slot)
    this.#stopping.add(one)
    await worker.stop()
    if (!process.alive) return
    this.#witness.stopped(process)
    await process.broker.stop()
    this.#stopping.delete(one)
  }

  #send(producer: SimulatedProcess, plan: Plan): void {
    const { id, behaviour, retries, delay, expiry, priority, sendAt, cancelAt } = plan
    const { tasks } = simulatedTasks(producer, this.#plans, this.#witness)
    let kicker = tasks[retries]
      .kicker()
      .withTaskId(id)
      .withPriority(priority as 0)
    if (delay !== undefined) kicker = kicker.withDelay(delay)
    if (expiry !== undefined) kicker = kicker.withExpiry(expiry)
    if (behaviour === 'hang') kicker = kicker.withTimeout(hangTimeout)
    const again = (work: () => Promise<void>): void =>
      void work().catch(() => this.#world.after(30, () => again(work)))
    this.#world.after(sendAt, () =>
      again(async () => {
        producer.ledger.write({ kind: 'attempt', id })
        const { isDuplicate } = await kicker.kiq(id)
        producer.ledger.write({ kind: 'ack', id, known: isDuplicate })
      }),
    )
    if (cancelAt === undefined) return
    this.#world.after(cancelAt, () =>
      again(async () => {
        if (await producer.broker.handle(id).cancel('in the simulation'))
          this.#witness.cancelled(id)
      }),
    )
  }

  /** Everything has ended: whether it ended as it should. */
  async #audit(auditor: SimulatedProcess): Promise<void> {
    const finals = new Map<string, FinalState>()
    const ids = this.#witness.entries.flatMap((entry) => ('id' in entry ? [entry.id] : []))
    for (const id of new Set(ids)) {
      const handle = auditor.broker.handle<string>(id)
      let status = null
      let run: string | undefined
      void handle.status().then((found) => (status = found))
      void handle.waitResult().then((found) => (run = found.isErr ? undefined : found.returnValue))
      // The auditor's calls take their time, too.
      for (let i = 0; i < 50 && status === null; i++) await this.#world.step()
      for (let i = 0; i < 50 && status === 'succeeded' && run === undefined; i++)
        await this.#world.step()
      const reason = memoryStore(this.#name).dead.get(id)?.letter.reason
      finals.set(id, { status, reason, run })
      this.#judge(id, { status, reason })
    }
    const faults = faultsOf(check({ entries: this.#witness.entries, finals }))
    if (faults.length > 0) this.#witness.find(faults.join('; '))
  }

  #judge(id: string, { status, reason }: FinalState): void {
    const plan = this.#plans.get(id)
    if (plan === undefined || status === null) return
    const wasCancelled = this.#witness.cancelledIds().includes(id)
    if (wasCancelled && status !== 'cancelled')
      this.#witness.find(`${id} was cancelled, and ${status}`)
    const fair = [
      ...fairEnds(plan),
      ...(plan.cancelAt === undefined ? [] : ['cancelled']),
      ...(reason === 'poison' || (reason === 'expired' && plan.expiry !== undefined)
        ? ['dead']
        : []),
    ]
    if (!fair.includes(status))
      this.#witness.find(`${id} (${plan.behaviour}) ended as ${status} ${reason ?? ''}`)
  }
}

let runs = 0
