/** The tasks of the fault runs. Each writes when it starts and how it ends, and returns its run. */
import { writeFileSync } from 'node:fs'
import { join as pathOf } from 'node:path'
import { TaskContext, type Broker } from 'taskwright'
import { joinSet } from './join-set.ts'
import { sharedTime, type Fact, type Ledger, type RunEnd } from './ledger.ts'
import { pause } from './pause.ts'
import type { JoinKind } from './worker-plan.ts'

/** Where the tasks write. */
export interface Witness {
  readonly ledger: Ledger
  /** A folder for sets that wait for their last member. */
  readonly folder: string
  readonly join?: JoinKind | undefined
  /** The database in which a task may have effects of its own. */
  readonly database?: string | undefined
}

/** Ways for a handler to take its process with it. */
export type Death = 'abort' | 'segfault' | 'memory'

/** Ways for a handler not to end. */
export type Stubbornness = 'block' | 'never'

let runs = 0
/** Numbers of processes come again in a long run. */
const born = sharedTime()

/** Defines them on a broker. */
export function defineTasks(broker: Broker, witness: Witness) {
  const { ledger, folder, join = 'set', database } = witness
  const deps = { ctx: TaskContext }
  // Where a task sends, the store may fail it, for as long as its disk says that it is full.
  const retry = { max: 100, backoff: '500ms' } as const
  const witnessed = async (
    { taskId: id, signal }: TaskContext,
    body: (run: string) => unknown,
  ): Promise<string> => {
    const run = `${process.pid}.${born}.${++runs}`
    let how: RunEnd = 'failed'
    ledger.write({ kind: 'start', id, run })
    try {
      await body(run)
      how = 'ok'
      return run
    } catch (error) {
      if (signal.aborted) how = 'abandoned'
      throw error
    } finally {
      ledger.write({ kind: 'end', id, run, how })
    }
  }

  /** Takes some milliseconds, and ends at once when it is aborted. */
  const work = broker.task({ name: 'work', deps }, ({ ctx }, ms: number) =>
    witnessed(ctx, () => pause(ms, ctx.signal)),
  )
  /** Fails so many times before it succeeds. */
  const flaky = broker.task({ name: 'flaky', deps, retry }, ({ ctx }, fails: number) =>
    witnessed(ctx, () => {
      if (ctx.attempt <= fails) throw new Error(`failure ${ctx.attempt} of ${fails}`)
    }),
  )
  const callback = broker.task({ name: 'callback', deps }, ({ ctx }, _group: string) =>
    witnessed(ctx, () => {}),
  )
  /** One of a set; the last one sends the callback. */
  const member = broker.task(
    { name: 'member', deps, retry },
    ({ ctx }, group: string, no: number, of: number, ms: number) =>
      witnessed(ctx, async () => {
        await pause(ms / 2, ctx.signal)
        // Written before it counts: a callback must find all of its set done.
        ledger.write({ kind: 'member', id: ctx.taskId, group })
        if (joinSet({ folder, kind: join, group, no }) >= of) {
          const id = `${group}.done`
          await send(ledger, { kind: 'attempt', id, parent: ctx.taskId, joins: group }, () =>
            callback.kicker().withTaskId(id).kiq(group),
          )
        }
        // Time in which it has counted and may be run again.
        await pause(ms / 2, ctx.signal)
      }),
  )
  /** Sends a set of others, which take from no time up to `ms`, and ends; the last of them starts `lastAfter` milliseconds later. */
  const fanOut = broker.task(
    { name: 'fan-out', deps, retry },
    ({ ctx }, of: number, ms: number, lastAfter = 0) =>
      witnessed(ctx, async () => {
        const group = ctx.taskId
        for (let no = 0; no < of; no++) {
          const id = `${group}.${no}`
          const plain = member.kicker().withTaskId(id)
          const kicker = lastAfter > 0 && no === of - 1 ? plain.withDelay(lastAfter) : plain
          await send(ledger, { kind: 'attempt', id, parent: group, group }, () =>
            kicker.kiq(group, no, of, (ms * (no + 1)) / of),
          )
        }
      }),
  )
  /** Takes its process with it, each time. */
  const poison = broker.task({ name: 'poison', deps }, ({ ctx }, death: Death) =>
    witnessed(ctx, () => {
      // Collecting what cannot be collected blocks the loop until it ends.
      if (death === 'memory') ledger.write({ kind: 'fault', fault: 'block', target: process.pid })
      return die(death)
    }),
  )
  /** Does not end, nor hear of an abort, the first time; the next time it does. */
  const stubborn = broker.task({ name: 'stubborn', deps }, ({ ctx }, way: Stubbornness) =>
    witnessed(ctx, () => {
      // Given back, it comes again without a count: the folder remembers.
      if (!isFirst(folder, ctx.taskId)) return undefined
      if (way === 'never') return new Promise(() => {})
      ledger.write({ kind: 'fault', fault: 'block', target: process.pid })
      for (;;);
    }),
  )
  /** Never ends. */
  const hang = broker.task({ name: 'hang', deps }, ({ ctx }) =>
    witnessed(ctx, () => new Promise(() => {})),
  )
  /** Blocks the event loop for some milliseconds. */
  const busy = broker.task({ name: 'busy', deps }, ({ ctx }, ms: number) =>
    witnessed(ctx, () => {
      ledger.write({ kind: 'fault', fault: 'block', target: process.pid })
      const end = performance.now() + ms
      while (performance.now() < end);
      ledger.write({ kind: 'healed', fault: 'block', target: process.pid })
    }),
  )
  let effects: Promise<Effects> | undefined
  /** Ends inside a transaction of the user's own, together with an effect that can be had only once. */
  const committing = broker.task({ name: 'committing', deps }, ({ ctx }) =>
    witnessed(ctx, async (run) => {
      if (database === undefined) throw new Error('there is no database for effects')
      const { handle, insert } = await (effects ??= openEffects(database))
      handle.exec('BEGIN IMMEDIATE')
      try {
        insert(ctx.taskId)
        // Done when it returns: nothing of another task comes between, which shares the handle.
        void ctx.commit(handle, run)
        handle.exec('COMMIT')
      } catch (error) {
        handle.exec('ROLLBACK')
        throw error
      }
    }),
  )
  /** Returns a text of so many characters. */
  const echo = broker.task('echo', async (size: number) => 'x'.repeat(size))
  /** The length of a text. */
  const measure = broker.task('measure', async (text: string) => text.length)
  /** Says how far it is, with so many characters. */
  const report = broker.task({ name: 'report', deps }, async ({ ctx }, size: number) => {
    try {
      await ctx.progress('halfway', 'x'.repeat(size))
      return 'kept'
    } catch {
      return 'refused'
    }
  })
  /** Fails with a message of so many characters. */
  const failLong = broker.task('fail-long', async (size: number): Promise<void> => {
    throw new Error('x'.repeat(size))
  })
  const noop = broker.task({ name: 'noop', result: { expiresIn: '1s' } }, async () => {})
  return {
    work,
    flaky,
    fanOut,
    member,
    callback,
    poison,
    stubborn,
    hang,
    busy,
    committing,
    echo,
    measure,
    report,
    failLong,
    noop,
  }
}

/** The tasks as a producer sees them. */
export type FaultTasks = ReturnType<typeof defineTasks>

type Attempt = Extract<Fact, { kind: 'attempt' }>

/** Sends, and writes down before what is tried and behind what was told. */
export async function send(
  ledger: Ledger,
  attempt: Attempt,
  kiq: () => Promise<{ readonly isDuplicate: boolean }>,
): Promise<void> {
  ledger.write(attempt)
  const { isDuplicate } = await kiq()
  ledger.write({ kind: 'ack', id: attempt.id, known: isDuplicate })
}

/** Whether nobody has asked this before, in any process. */
function isFirst(folder: string, id: string): boolean {
  try {
    writeFileSync(pathOf(folder, `first-${id}`), '', { flag: 'wx' })
    return true
  } catch {
    return false
  }
}

interface Effects {
  readonly handle: { exec(sql: string): void }
  readonly insert: (id: string) => void
}

async function openEffects(file: string): Promise<Effects> {
  const { DatabaseSync } = await import('@photostructure/sqlite')
  const handle = new DatabaseSync(file)
  handle.exec('PRAGMA busy_timeout = 5000; CREATE TABLE IF NOT EXISTS effects(id TEXT PRIMARY KEY)')
  const statement = handle.prepare('INSERT INTO effects(id) VALUES (?)')
  return { handle, insert: (id) => void statement.run(id) }
}

function die(death: Death): unknown {
  if (death === 'abort') process.abort()
  if (death === 'segfault') return process.kill(process.pid, 'SIGSEGV')
  const hoard: unknown[] = []
  for (;;) hoard.push(Array.from({ length: 500_000 }, () => 1.5))
}
