/** Row 26, the disk under SQLite: full, and failing. */
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isTaskwrightError } from '../../../src/core/errors.ts'
import { shortfalls } from '../expectations.ts'
import { makeIoShim, type IoFaults } from '../io-shim.ts'
import { row, type Outcome } from '../row.ts'
import { mountSmallDisk } from '../small-disk.ts'
import { onStage, type Stage, type StageOptions } from '../stage.ts'
import { pause } from '../worker/pause.ts'
import { send } from '../worker/tasks.ts'
import { fileOf } from '../worker/worker-plan.ts'
import { damageOf } from './sqlite-files.ts'

const engines = ['sqlite'] as const
const skipped = (why: string): Outcome => ({ faults: [], facts: {}, skipped: why })

/** Row 26b. */
export const fullDisk = row({
  id: '26b',
  fault: 'the disk is full',
  expected: 'sends are refused, what is stored is finished, sends are taken when there is space',
  engines,
  sizes: { A: { rounds: 1 }, B: { rounds: 10 }, C: { rounds: 50 } },
  async run(options, { rounds }) {
    const place = options.program.scratch('disk')
    const disk = mountSmallDisk(join(place, 'small'), 40)
    if (typeof disk === 'string') return skipped(disk)
    try {
      const transport = { file: join(disk.folder, 'tasks.db') }
      return await onStage(options, { name: 'full', workers: 0, transport }, (stage) =>
        fillAndFree(stage, disk.folder, rounds),
      )
    } finally {
      disk.remove()
    }
  },
})

async function fillAndFree(stage: Stage, folder: string, rounds: number): Promise<Outcome> {
  await stage.broker.start()
  const faults: string[] = []
  let refused = 0
  for (let round = 0; round < rounds; round++) {
    const filler = join(folder, 'filler')
    writeFileSync(filler, Buffer.alloc(16 * 2 ** 20, 1))
    if (await sendUntilFull(stage)) refused++
    else faults.push(`round ${round}: the disk was never full`)
    const workers = [stage.fleet.start(0), stage.fleet.start(1)]
    await Promise.all(workers.map(({ ready }) => ready))
    await stage.drain()
    const [left] = await stage.broker.inspector.queues()
    if ((left?.queued ?? 0) + (left?.running ?? 0) > 0)
      faults.push(`round ${round}: a full disk keeps ${JSON.stringify(left)} from being finished`)
    rmSync(filler)
    if (!(await sendsAgain(stage)))
      faults.push(`round ${round}: sends are refused although there is space`)
    await stage.drain()
    for (const worker of workers) stage.fleet.strike(worker, 'SIGTERM', 'drain')
    await Promise.all(workers.map(({ gone }) => gone))
  }
  const { verdict } = await stage.judge()
  const damage = damageOf(fileOf(stage.transport))
  const also = { [`integrity_check is ok (${damage.join(', ')})`]: damage.length === 0 }
  return { verdict, faults: [...faults, ...shortfalls(verdict, { also })], facts: { refused } }
}

/** Whether the store refused a message because there is no space. */
async function sendUntilFull(stage: Stage): Promise<boolean> {
  for (let i = 0; i < 5000; i++) {
    if (!(await tries(stage, stage.id('big'), 'x'.repeat(20_000)))) return true
  }
  return false
}

async function sendsAgain(stage: Stage): Promise<boolean> {
  for (let i = 0; i < 100; i++) {
    if (await tries(stage, stage.id('small'), 'x')) return true
    await pause(100)
  }
  return false
}

/** Sends a text; false when the disk is full. */
async function tries({ ledger, tasks }: Stage, id: string, text: string): Promise<boolean> {
  try {
    await send(ledger, { kind: 'attempt', id }, () =>
      tasks.measure.kicker().withTaskId(id).kiq(text),
    )
    return true
  } catch (error) {
    if (!isTaskwrightError(error, 'STORE_FULL')) throw error
    ledger.write({ kind: 'refused', id, error: error.code })
    return false
  }
}

/** What fails, and how often, one kind after the other. */
const failing: readonly IoFaults[] = [
  { write: ['EIO', 150] },
  { write: ['ENOSPC', 150] },
  { sync: ['EIO', 15] },
  { sync: ['ENOSPC', 15], truncate: ['EIO', 3] },
]

/** Row 26g. */
export const failingDisk = row({
  id: '26g',
  fault: 'EIO and ENOSPC from write, fsync and ftruncate',
  expected: 'nothing lost; integrity_check ok',
  engines,
  sizes: { A: { tasks: 300 }, B: { tasks: 5000 }, C: { tasks: 50_000 } },
  async run(options, { tasks }) {
    const outcomes: Outcome[] = []
    for (const faults of failing) outcomes.push(await underFailures(options, faults, tasks))
    return {
      faults: outcomes.flatMap((one) => one.faults),
      facts: Object.assign({}, ...outcomes.map(({ facts }) => facts)) as Outcome['facts'],
      verdict: outcomes.at(-1)?.verdict,
      skipped: outcomes.find((one) => one.skipped !== undefined)?.skipped,
    }
  },
})

async function underFailures(
  options: StageOptions,
  faults: IoFaults,
  tasks: number,
): Promise<Outcome> {
  const shim = makeIoShim(options.program)
  if (typeof shim === 'string') return skipped(shim)
  const name = Object.entries(faults)
    .map(([call, [error]]) => `${error} of ${call}`)
    .join(' and ')
  const env = (no: number): Record<string, string> =>
    shim.environment({ path: 'tasks.db', faults, seed: options.seed * 100 + no })
  // Syncs of each commit, so that they can fail.
  const transport = { synchronous: 'full' } as const
  const worker = { redeliveries: 1000 }
  return onStage(options, { name: 'failing', env, transport, worker }, async (stage) => {
    await stage.start()
    const endKeeping = stage.keepAlive()
    const sending = stage.sendWork(tasks, { over: tasks * 10, batch: 20 })
    for (let i = 0; i < tasks / 20; i++) {
      const id = stage.id('g')
      await send(stage.ledger, { kind: 'attempt', id }, () =>
        stage.tasks.fanOut.kicker().withTaskId(id).kiq(5, 50),
      )
    }
    await sending
    await stage.drain()
    const deaths = endKeeping()
    const { verdict } = await stage.judge()
    const damage = damageOf(fileOf(stage.transport))
    const failed = shim.failures()
    const also = {
      [`integrity_check is ok after ${name} (${damage.join(', ')})`]: damage.length === 0,
      [`calls failed: ${name}`]: failed > 0,
      [`no worker died of ${name} (${deaths})`]: deaths === 0,
    }
    return { verdict, faults: shortfalls(verdict, { also }), facts: { [name]: failed } }
  })
}
