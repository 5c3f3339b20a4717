/** Row 26, the files of SQLite: killed in the middle of a write, locked, read-only, deleted, damaged. */
import { createHash } from 'node:crypto'
import {
  chmodSync,
  copyFileSync,
  openSync,
  closeSync,
  readFileSync,
  renameSync,
  statSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { createBroker, silentLogger, StoreError } from 'taskwright'
import { sqliteTransport } from 'taskwright/sqlite'
import { DatabaseSync } from '@photostructure/sqlite'
import { failpointNames } from '../../../src/core/failpoint.ts'
import { shortfalls } from '../expectations.ts'
import { row } from '../row.ts'
import { finalStates, onStage } from '../stage.ts'
import { readLedgers } from '../worker/ledger.ts'
import { openBroker } from '../worker/open-broker.ts'
import { pause } from '../worker/pause.ts'
import { fileOf, type TransportPlan } from '../worker/worker-plan.ts'

const engines = ['sqlite'] as const

/** What SQLite finds wrong with a file. */
export function damageOf(file: string): string[] {
  const database = new DatabaseSync(file)
  try {
    const found = database.prepare('PRAGMA integrity_check').all() as { integrity_check: string }[]
    return found.map((one) => one.integrity_check).filter((text) => text !== 'ok')
  } finally {
    database.close()
  }
}

const points = failpointNames.filter(
  (name) => name.startsWith('sqlite.') && name !== 'sqlite.created',
)

/** Row 26a. */
export const killedWriters = row({
  id: '26a',
  fault: 'SIGKILL between the statements of a transaction',
  expected: 'nothing lost; integrity_check ok',
  engines,
  sizes: { A: { kills: 6 }, B: { kills: 100 }, C: { kills: 1000 } },
  run: (options, { kills }) =>
    onStage(options, { name: 'writers', worker: { redeliveries: 1000 } }, async (stage) => {
      await stage.start()
      const feed = new AbortController()
      const feeding = (async () => {
        while (!feed.signal.aborted) await stage.sendWork(40, { batch: 20, over: 200 })
      })()
      for (let i = 0; i < kills; i++) {
        const old = stage.worker()
        stage.fleet.strike(old, 'SIGKILL', 'kill')
        await old.gone
        const failpoint = `${stage.pick(points)}:kill@${1 + stage.draw(30)}`
        const armed = stage.fleet.start(old.no, { TASKWRIGHT_FAILPOINT: failpoint })
        await Promise.race([armed.gone, pause(15_000)])
        stage.fleet.start(old.no)
      }
      feed.abort()
      await feeding
      await stage.drain()
      const { verdict } = await stage.judge()
      const damage = damageOf(fileOf(stage.transport))
      const also = { [`integrity_check is ok (${damage.join(', ')})`]: damage.length === 0 }
      return { verdict, faults: shortfalls(verdict, { also }), facts: {} }
    }),
})

/** Row 26c. */
export const busyWriters = row({
  id: '26c',
  fault: 'another program holds the write lock, again and again',
  expected: 'nothing lost, nothing fails, leases are kept',
  engines,
  sizes: { A: { locks: 4 }, B: { locks: 60 }, C: { locks: 600 } },
  run: (options, { locks }) =>
    onStage(options, { name: 'busy' }, async (stage) => {
      await stage.start()
      const other = new DatabaseSync(fileOf(stage.transport))
      const sending = stage.sendWork(locks * 100, { over: locks * 1000, ms: 300 })
      for (let i = 0; i < locks; i++) {
        await begin(other)
        await pause(300 + stage.draw(700))
        other.exec('ROLLBACK')
        await pause(stage.draw(300))
      }
      other.close()
      await sending
      await stage.drain()
      const { verdict, entries } = await stage.judge()
      const failures = entries.filter((e) => e.kind === 'note' && e.what === 'store-failed').length
      const also = { [`no call failed (${failures})`]: failures === 0 }
      return { verdict, faults: shortfalls(verdict, { also, duplicates: 0 }), facts: { locks } }
    }),
})

async function begin(database: { exec(sql: string): void }): Promise<void> {
  for (;;) {
    try {
      database.exec('BEGIN IMMEDIATE')
      return
    } catch {
      await pause(5)
    }
  }
}

/** Nobody: a user who may read what others may read. */
const nobody = 65_534

/** Row 26d. */
export const readOnlyFile = row({
  id: '26d',
  fault: 'the file is read-only for the worker',
  expected: 'it says so and ends; the file is left as it is',
  engines,
  sizes: { A: {}, B: {}, C: {} },
  run: (options) => {
    const isRoot = process.getuid?.() === 0
    const uid = isRoot ? nobody : undefined
    return onStage(options, { name: 'read-only', workers: 0, uid }, async (stage) => {
      const file = fileOf(stage.transport)
      await stage.broker.start()
      await stage.sendWork(10)
      await stage.broker.stop()
      const before = hashOf(file)
      // Who owns them may still write into the folder of the ledger.
      for (const folder of [options.program.folder, stage.folder]) chmodSync(folder, 0o755)
      chmodSync(file, 0o444)
      if (isRoot) chmodSync(stage.folder, 0o777)
      const worker = stage.fleet.start(0)
      const how = await worker.gone
      await pause(50)
      const said = stage.fleet.stderr
      const faults = [
        ...(how === 'exit 1' ? [] : [`it ended with ${how}`]),
        ...(said.includes('read-only') ? [] : [`it did not say why: ${said.slice(-300)}`]),
        ...(hashOf(file) === before ? [] : ['the file was changed']),
      ]
      return { faults, facts: {} }
    })
  },
})

/** Row 26e. */
export const damagedPages = row({
  id: '26e',
  fault: 'bytes of a page are changed while nobody has the file open',
  expected: 'refused, or read without harm; never emptied, never a hang',
  engines,
  sizes: { A: { copies: 25 }, B: { copies: 400 }, C: { copies: 4000 } },
  run: (options, { copies }) =>
    onStage(options, { name: 'damaged', workers: 0 }, async (stage) => {
      const file = fileOf(stage.transport)
      await stage.broker.start()
      await stage.sendWork(300)
      await stage.broker.stop()
      const faults: string[] = []
      const seen = { refused: 0, 'failed later': 0, unnoticed: 0 }
      for (let i = 0; i < copies; i++) {
        const copy = join(stage.folder, `copy-${i}.db`)
        copyFileSync(file, copy)
        const where = damage(copy, (below) => stage.draw(below))
        const before = hashOf(copy)
        const outcome = await Promise.race([use(copy), pause(20_000)])
        if (outcome === undefined) faults.push(`damaged at ${where}: it hangs`)
        else if (outcome in seen) seen[outcome as keyof typeof seen]++
        else faults.push(`damaged at ${where}: ${outcome}`)
        if (outcome === 'refused' && hashOf(copy) !== before)
          faults.push(`damaged at ${where}: refused, and changed all the same`)
        if (statSync(copy).size === 0) faults.push(`damaged at ${where}: emptied`)
      }
      const noticed = seen.refused > 0
      return { faults: [...faults, ...(noticed ? [] : ['no damage was noticed'])], facts: seen }
    }),
})

/** Changes 32 bytes of one page. */
function damage(file: string, draw: (below: number) => number): number {
  const at = draw(statSync(file).size - 32)
  const descriptor = openSync(file, 'r+')
  writeSync(descriptor, Buffer.from(Array.from({ length: 32 }, () => draw(256))), 0, 32, at)
  closeSync(descriptor)
  return at
}

/** Opens a file and takes out what is in it; how far that went. */
async function use(file: string): Promise<string> {
  // In its thread, so that a loop without an end does not stop the clock that watches it.
  const broker = createBroker({
    transport: sqliteTransport({ file, thread: true }),
    logger: silentLogger,
  })
  let started = false
  try {
    await broker.start()
    started = true
    await broker.purge('default')
    await broker.task('noop', async () => {}).kiq()
    return 'unnoticed'
  } catch (error) {
    if (!(error instanceof StoreError))
      return `${(error as Error).name}: ${(error as Error).message}`
    return started ? 'failed later' : 'refused'
  } finally {
    await broker.stop()
  }
}

/** Row 26f. */
export const deletedFile = row({
  id: '26f',
  fault: 'the file is moved away under running processes',
  expected: 'nothing more is acknowledged; what was is in the file',
  engines,
  sizes: { A: { rounds: 1 }, B: { rounds: 10 }, C: { rounds: 50 } },
  async run(options, { rounds }) {
    const faults: string[] = []
    for (let round = 0; round < rounds; round++) {
      faults.push(
        ...(await onStage(options, { name: 'deleted', workers: 2 }, async (stage) => {
          const file = fileOf(stage.transport)
          await stage.start()
          await stage.sendWork(200, { over: 300 })
          renameSync(file, `${file}-away`)
          let acknowledged = 0
          for (let i = 0; i < 20; i++) {
            try {
              await stage.tasks.noop.kiq()
              acknowledged++
            } catch (error) {
              if (!(error instanceof StoreError)) return [`it threw ${String(error)}`]
            }
          }
          await stage.fleet.stop(15_000)
          await stage.broker.stop()
          renameSync(`${file}-away`, file)
          const damage = damageOf(file)
          const missing = await missingIn(stage.transport, idsOf(stage.folder))
          return [
            ...(acknowledged === 0 ? [] : [`${acknowledged} sends were acknowledged into nowhere`]),
            ...damage.map((text) => `integrity_check: ${text}`),
            ...missing.map((id) => `${id} was acknowledged before, and is gone`),
          ]
        })),
      )
    }
    return { faults, facts: { rounds } }
  },
})

/** What was acknowledged. */
function idsOf(folder: string): string[] {
  return readLedgers(folder).flatMap((entry) => (entry.kind === 'ack' ? [entry.id] : []))
}

/** Messages of which a store knows nothing. */
async function missingIn(transport: TransportPlan, ids: readonly string[]): Promise<string[]> {
  const broker = openBroker({ transport })
  await broker.start()
  const states = await finalStates(broker, ids)
  await broker.stop()
  return ids.filter((id) => states.get(id)?.status === null)
}

function hashOf(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex')
}
