/** Workers on one SQLite file, killed at random while a producer sends. */
import { createBroker, seededRandom, silentLogger, TaskContext, type Broker } from 'taskwright'
import { sqliteTransport } from 'taskwright/sqlite'
import { join } from 'node:path'
import { check, type FinalState, type Verdict } from './checker.ts'
import { Fleet } from './fleet.ts'
import { openLedger, readLedgers, type Ledger } from './ledger.ts'
import type { Program } from './program.ts'
import { defineTasks } from './tasks.ts'
import type { WorkerPlan } from './worker-plan.ts'

/** How much of it. */
export interface KillsPlan {
  readonly seed: number
  readonly workers: number
  readonly tasks: number
  readonly kills: number
}

const lease = 2000
const between = { least: 200, more: 600 }

/** Runs it and judges. */
export async function killsOnSqlite(program: Program, plan: KillsPlan): Promise<Verdict> {
  const random = seededRandom(plan.seed)
  const folder = program.scratch('kills')
  const ledger = openLedger(folder)
  const sqlite = { file: join(folder, 'tasks.db') }
  const broker = createBroker({ transport: sqliteTransport(sqlite), logger: silentLogger })
  const worker = { lease, concurrency: 20, prefetch: 20 }
  const fleet = new Fleet({
    ledger,
    entry: program.entry('worker-process.ts'),
    plan: (): WorkerPlan => ({ ledger: folder, sqlite, worker }),
  })
  try {
    await broker.start()
    const first = Array.from({ length: plan.workers }, (_, no) => fleet.start(no))
    await Promise.all(first.map(({ ready }) => ready))
    const sent = send(broker, ledger, { ...plan, random })
    for (let i = 0; i < plan.kills; i++) {
      await pause(between.least + between.more * random.next())
      const members = fleet.members
      const member = members[Math.floor(random.next() * members.length)]
      if (member === undefined) throw new Error('no worker lives')
      fleet.strike(member, 'SIGKILL', 'kill')
      await member.gone
      fleet.start(member.no)
    }
    const ids = await sent
    await drained(broker)
    await fleet.stop(30_000)
    const finals = await finalStates(broker, ids)
    return check({ entries: readLedgers(folder), finals })
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${fleet.stderr}`, { cause: error })
  } finally {
    fleet.kill()
    await broker.stop()
    ledger.close()
  }
}

async function send(
  broker: Broker,
  ledger: Ledger,
  { tasks, random, kills }: KillsPlan & { random: { next(): number } },
): Promise<readonly string[]> {
  const { work } = defineTasks(broker, ledger, TaskContext)
  const batch = 50
  const ids = Array.from({ length: tasks }, (_, i) => `t${String(i).padStart(8, '0')}`)
  // Spread over the kills: some are sent, some wait, some run when a worker dies.
  const rest = (kills * (between.least + between.more / 2)) / (tasks / batch)
  for (let i = 0; i < tasks; i += batch) {
    const some = ids.slice(i, i + batch)
    ledger.write(...some.map((id) => ({ kind: 'attempt' as const, id })))
    await Promise.all(
      some.map((id) =>
        work
          .kicker()
          .withTaskId(id)
          .kiq(Math.floor(random.next() * 60)),
      ),
    )
    ledger.write(...some.map((id) => ({ kind: 'ack' as const, id, known: false })))
    await pause(rest)
  }
  return ids
}

/** Resolves when nothing waits or runs. */
async function drained(broker: Broker): Promise<void> {
  for (;;) {
    const queues = await broker.inspector.queues()
    if (queues.every(({ queued, scheduled, running }) => queued + scheduled + running === 0)) return
    await pause(50)
  }
}

async function finalStates(
  broker: Broker,
  ids: readonly string[],
): Promise<ReadonlyMap<string, FinalState>> {
  const finals = new Map<string, FinalState>()
  for (const id of ids) {
    const handle = broker.handle<string>(id)
    const status = await handle.status()
    if (status !== 'succeeded') {
      const dead = await broker.inspector.deadLetter(id)
      finals.set(id, { status, reason: dead?.reason })
      continue
    }
    const result = await handle.waitResult({ timeout: '1s' })
    finals.set(id, { status, run: result.isErr ? undefined : result.returnValue })
  }
  return finals
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
