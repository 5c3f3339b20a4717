/**
 * Cuts a document into sections and has two worker processes analyse them, through one SQLite file. One
 * of the two is killed on the way, as hard as a process can be killed, and nothing is lost.
 *
 * Run it with `npm run demo`.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { printCounts, printResults, progressBar } from './report.ts'
import type { Analysis } from './tasks.ts'
import { startWorkers, type WorkerProcesses } from './worker-processes.ts'

const ends = new Set(['succeeded', 'failed', 'cancelled', 'dead'])
const document = join(dirname(fileURLToPath(import.meta.url)), 'document.txt')
const folder = mkdtempSync(join(tmpdir(), 'taskwright-demo-'))
// Before the broker is made, here and in the worker processes.
process.env['TASKWRIGHT_URL'] = `sqlite:${join(folder, 'tasks.db')}`
const { broker } = await import('./broker.ts')
const { analyse, cut } = await import('./tasks.ts')

console.log('\n  Text analysis: a producer and two worker processes on one SQLite file\n')
const workers = startWorkers(2)
try {
  await workers.ready
  console.log(`  workers   processes ${workers.pids.join(' and ')}`)
  process.exitCode = await run(workers)
} finally {
  await workers.stop()
  await broker.stop()
  rmSync(folder, { recursive: true, force: true })
}

/** Sends, kills, gathers and counts; the exit code. */
async function run(processes: WorkerProcesses): Promise<number> {
  const cutting = await cut.kiq(document)
  const sections = await cutting.result({ timeout: '30s' })
  const handles = await analyse.kiqMany(sections.map((section) => [section]))
  const sent = 1 + new Set(handles.map((handle) => handle.taskId)).size
  console.log(`  document  ${sections.length} sections\n`)

  const bar = progressBar(handles.length)
  let done = 0
  killOneOnTheWay(processes, {
    isTime: () => done >= handles.length / 4,
    tell: (pid) => bar.note(`killed process ${pid} (SIGKILL) in the middle of a task`),
  })
  const outcomes = await Promise.allSettled(
    handles.map(async (handle) => {
      const analysis = await handle.result({ timeout: '45s' })
      bar.update(++done)
      return analysis
    }),
  )

  const results: Analysis[] = []
  for (const outcome of outcomes) {
    if (outcome.status === 'fulfilled') results.push(outcome.value)
    else console.error(`  ${String(outcome.reason)}`)
  }
  // What has ended in whichever way is known to the store; what it does not know is lost.
  const ended = await Promise.all([cutting, ...handles].map((handle) => handle.status()))
  const final = ended.filter((status) => status !== null && ends.has(status))
  const redelivered = results.filter((result) => result.redeliveries > 0).length
  const lost = sent - final.length
  printResults(results)
  printCounts(results, { sent, done: 1 + results.length, redelivered, lost })
  console.log(
    `\n  ${processes.started} worker processes were started: the killed one was replaced\n`,
  )
  return lost === 0 && results.length === handles.length ? 0 : 1
}

/** Kills the first process that begins a task once it is time: it holds that task for certain. */
function killOneOnTheWay(
  processes: WorkerProcesses,
  { isTime, tell }: { isTime: () => boolean; tell: (pid: number) => void },
): void {
  let killed = false
  processes.onTask((pid) => {
    if (killed || !isTime()) return
    killed = true
    process.kill(pid, 'SIGKILL')
    tell(pid)
  })
}
