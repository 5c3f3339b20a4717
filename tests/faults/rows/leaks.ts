/** Row 41: what is left behind. */
import { DatabaseSync } from '@photostructure/sqlite'
import { faultsOf } from '../checker.ts'
import { Fleet } from '../fleet.ts'
import { row } from '../row.ts'
import { slopeOf, type Point } from '../slope.ts'
import { onStage, type Stage } from '../stage.ts'
import { readLedgers, type Entry } from '../worker/ledger.ts'
import { pause } from '../worker/pause.ts'
import { fileOf, type LeakPlan } from '../worker/worker-plan.ts'

/** Bytes of heap for each task, reopening or wait, beyond which it is a leak. */
const leak = 1
/** Growth that is no leak whatever its slope: code that is compiled late, tables that grow once. */
const noise = 1.5 * 2 ** 20

/** Row 41. */
export const leaks = row({
  id: '41',
  fault: 'a long life: tasks, reopened stores, waits that are given up',
  expected: 'heap, handles and stored rows do not grow',
  engines: ['sqlite'],
  sizes: {
    A: { tasks: 30_000, reopens: 100, waits: 5000 },
    B: { tasks: 1_000_000, reopens: 2000, waits: 100_000 },
    C: { tasks: 20_000_000, reopens: 10_000, waits: 1_000_000 },
  },
  run: (options, size) =>
    onStage(
      options,
      {
        name: 'leaks',
        workers: 1,
        sampleEvery: 250,
        execArgv: ['--expose-gc'],
        worker: { concurrency: 100, prefetch: 100 },
      },
      async (stage) => {
        await stage.start()
        await sendNoops(stage, size.tasks)
        await stage.drain()
        stage.ledger.write({ kind: 'note', what: 'drained' })
        const rows = await rowsAfterExpiry(stage)
        const { verdict, entries } = await stage.judge()
        const end = entries.findIndex((e) => e.kind === 'note' && e.what === 'drained')
        const tasks = growthOf(entries.slice(0, end).flatMap(workDone()))
        const apart = await liveApart(stage, size)
        const faults = [
          ...Object.entries({ task: tasks, ...apart.growth }).flatMap(([what, grown]) =>
            grown.slope > leak && grown.total > noise
              ? [`the heap grows by ${grown.slope.toFixed(1)} bytes for each ${what}`]
              : [],
          ),
          ...apart.faults,
          ...Object.entries(rows).flatMap(([table, count]) =>
            count > 5 ? [`${count} rows are left in ${table}`] : [],
          ),
        ]
        // No verdict to show: ids are not written down, and results are gone, as they should be.
        return {
          faults: [...faults, ...faultsOf(verdict, ['lost'])],
          facts: {
            tasks: size.tasks,
            'bytes/task': tasks.slope.toFixed(2),
            'bytes/reopening': apart.growth.reopening.slope.toFixed(0),
            'bytes/wait': apart.growth.wait.slope.toFixed(2),
          },
        }
      },
    ),
})

/** Their ids are not written down: there are too many, and their results are gone when it ends. */
async function sendNoops({ broker, tasks, options }: Stage, count: number): Promise<void> {
  const page = 500
  for (let sent = 0; sent < count; sent += page) {
    // Not more waiting than is drained in a moment.
    while (((await broker.inspector.queues())[0]?.queued ?? 0) > 10 * page) await pause(20)
    await tasks.noop.kiqMany(Array.from({ length: page }, (): [] => []))
    if (sent % 100_000 === 0 && sent > 0) options.log(`${sent} of ${count} tasks`)
  }
}

interface Growth {
  readonly slope: number
  readonly total: number
}

/** Of the last three quarters: before that everything is made once. */
function growthOf(points: readonly Point[]): Growth {
  const most = Math.max(...points.map(({ x }) => x))
  const late = points.filter(({ x }) => x >= most / 4)
  const slope = slopeOf(late)
  return { slope, total: slope * ((late.at(-1)?.x ?? 0) - (late[0]?.x ?? 0)) }
}

/** Samples of the heap by the settlements before them. */
function workDone(): (entry: Entry) => readonly Point[] {
  let settled = 0
  return (entry) => {
    if (entry.kind === 'settled') settled++
    return entry.kind === 'sample' ? [{ x: settled, y: entry.heap }] : []
  }
}

/** Opens and waits in a process of its own. */
async function liveApart(
  stage: Stage,
  { reopens, waits }: { reopens: number; waits: number },
): Promise<{ growth: { reopening: Growth; wait: Growth }; faults: readonly string[] }> {
  const { program } = stage.options
  const folder = program.scratch('leak')
  const plan: LeakPlan = { ledger: folder, transport: stage.transport, reopens, waits }
  const fleet = new Fleet({
    ledger: stage.ledger,
    entry: program.entry('leak-process.ts'),
    plan: () => plan,
    execArgv: ['--expose-gc'],
  })
  const how = await fleet.start(0).gone
  const entries = readLedgers(folder)
  const begun = entries.findIndex((e) => e.kind === 'note' && e.what === 'waited')
  const points = (of: readonly Entry[], count: number): Point[] =>
    of
      .flatMap((e) => (e.kind === 'sample' ? [e.heap] : []))
      .map((y, i) => ({ x: ((i + 1) * count) / 10, y }))
  const resources = entries.flatMap((e) => (e.kind === 'sample' ? [e.resources] : []))
  const more = (resources.at(-1) ?? 0) - (resources[2] ?? 0)
  return {
    growth: {
      reopening: growthOf(points(entries.slice(0, begun), reopens)),
      wait: growthOf(points(entries.slice(begun), waits)),
    },
    faults: [
      ...(how === 'exit 0' ? [] : [`the process ended with ${how}: ${fleet.stderr}`]),
      ...(more > 5 ? [`${more} more handles are open at its end`] : []),
    ],
  }
}

/** What is in the tables when every result has expired and been swept away. */
async function rowsAfterExpiry(stage: Stage): Promise<Record<string, number>> {
  const database = new DatabaseSync(fileOf(stage.transport))
  const tables = ['tw_message', 'tw_payload', 'tw_result', 'tw_progress', 'tw_dead']
  const count = (): Record<string, number> =>
    Object.fromEntries(
      tables.map((table) => {
        const found = database.prepare(`SELECT count(*) AS n FROM ${table}`).get() as { n: number }
        return [table, found.n]
      }),
    )
  try {
    // Whoever writes sweeps, every ten seconds and as long as there is more.
    for (let i = 0; i < 100 && (count()['tw_result'] ?? 0) > 5; i++) {
      await stage.tasks.noop.kiq()
      await pause(300)
    }
    return count()
  } finally {
    database.close()
  }
}
