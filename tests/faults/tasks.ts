import type { Broker, Dependency, TaskContext } from 'taskwright'
import type { Ledger, RunEnd } from './ledger.ts'

let runs = 0

/** The tasks of the fault runs; each writes when it starts and how it ends, and returns its run. */
export function defineTasks(broker: Broker, ledger: Ledger, context: Dependency<TaskContext>) {
  const witnessed = async (ctx: TaskContext, body: () => Promise<void> | void): Promise<string> => {
    const run = `${process.pid}.${++runs}`
    const id = ctx.taskId
    let how: RunEnd = 'failed'
    ledger.write({ kind: 'start', id, run })
    try {
      await body()
      how = ctx.signal.aborted ? 'abandoned' : 'ok'
      return run
    } finally {
      ledger.write({ kind: 'end', id, run, how })
    }
  }
  return {
    /** Takes some milliseconds. */
    work: broker.task({ name: 'work', deps: { ctx: context } }, async ({ ctx }, ms: number) =>
      witnessed(ctx, () => pause(ms)),
    ),
  }
}

/** The tasks as a producer sees them. */
export type FaultTasks = ReturnType<typeof defineTasks>

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
