/**
 * What a worker process of {@link RedisCrew} loads beside the application: it writes every run down before
 * its outcome is stored, and dies there when it is planned to.
 */
import { appendFileSync, unlinkSync } from 'node:fs'
import { dependency } from 'taskwright'
import { broker } from '../../src/broker.ts'
import { countRun, runRecorder, type TaskRun } from '../../src/metrics/task-metrics.ts'
import { database } from '../../src/tasks/dependencies.ts'
import { killFile, runsFile } from './crew-files.ts'

const folder = process.env['CREW_FOLDER'] ?? ''

const writtenDown = dependency({ database }, ({ database }) => async (run: TaskRun) => {
  await countRun(database, run)
  // One write, which the system appends whole: the lines of all processes are in their true order.
  appendFileSync(runsFile(folder), `${JSON.stringify(run)}\n`)
  if (isPlanned(run.task)) process.kill(process.pid, 'SIGKILL')
})

broker.dependencyOverrides.set(runRecorder, writtenDown)

/** Of several workers that come here one finds the plan. */
function isPlanned(task: string): boolean {
  try {
    unlinkSync(killFile(folder, task))
    return true
  } catch {
    return false
  }
}
