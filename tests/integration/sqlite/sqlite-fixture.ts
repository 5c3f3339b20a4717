import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach } from 'vitest'
import { systemClock } from '../../../src/core/clock.ts'
import type { Claim, Delivery } from '../../../src/core/delivery.ts'
import { timeOrderedIds } from '../../../src/core/ids.ts'
import { silentLogger } from '../../../src/core/logger.ts'
import type { Envelope } from '../../../src/core/message.ts'
import { systemRandom } from '../../../src/core/random.ts'
import type { Settlement } from '../../../src/core/settlement.ts'
import type { Transport } from '../../../src/core/transport.ts'
import type { OpenTransport, Surroundings } from '../../../src/core/vendor.ts'
import { sqliteTransport, type SqliteOptions } from '../../../src/sqlite/index.ts'
import { loadLibrary, type SqliteHandle } from '../../../src/sqlite/sql-driver.ts'

export const realTime: Surroundings = {
  clock: systemClock,
  random: systemRandom,
  logger: silentLogger,
}
export const never: AbortSignal = new AbortController().signal
export const newId: () => string = timeOrderedIds(systemClock, systemRandom)

/** The library that the transports of these tests use. */
export const library = await loadLibrary(undefined)

/** A message for queue `default`. */
export function message(parts: Partial<Envelope> = {}): Envelope {
  return { id: newId(), queue: 'default', priority: 4, body: '{"task":"a"}', ...parts }
}

/** Looks for messages of queue `default`. */
export function look(transport: Transport, room = 100, wait = 0): Promise<readonly Delivery[]> {
  return transport.receive({ queues: ['default'], room, lease: 30_000, wait, signal: never })
}

export function succeeded(claim: Claim, more: Partial<Settlement> = {}): Settlement {
  return { claim, outcome: { kind: 'succeeded' }, ...more }
}

/** A folder for each test, and what was opened in it closed after it. */
export interface SqliteFolder {
  readonly file: string
  path(name: string): string
  create(options?: Partial<SqliteOptions>, around?: Surroundings): OpenTransport
  open(options?: Partial<SqliteOptions>, around?: Surroundings): Promise<OpenTransport>
  /** A handle of the user's own. */
  handle(file?: string): SqliteHandle
}

export function useSqliteFolder(): SqliteFolder {
  let folder = ''
  let ends: (() => unknown)[] = []
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'taskwright-sqlite-'))
  })
  afterEach(async () => {
    for (const end of ends.reverse()) await end()
    ends = []
    rmSync(folder, { recursive: true, force: true })
  })
  const fixture: SqliteFolder = {
    get file() {
      return join(folder, 'tasks.db')
    },
    path: (name) => join(folder, name),
    create(options = {}, around = realTime) {
      const made = sqliteTransport({ file: fixture.file, thread: false, ...options }).create(around)
      ends.push(
        () => made.transport.stop(),
        () => made.results.stop(),
      )
      return made
    },
    async open(options, around) {
      const made = fixture.create(options, around)
      await made.transport.start()
      await made.results.start()
      return made
    },
    handle(file = fixture.file) {
      const handle = new library.Database(file)
      ends.push(() => {
        try {
          handle.close()
        } catch {
          // The test has closed it.
        }
      })
      return handle
    },
  }
  return fixture
}

/** User transactions as they are on SQLite: done, or thrown, when the call returns. */
export interface SyncTransactions {
  sendWithin: (handle: unknown, envelopes: readonly Envelope[]) => unknown
  settleWithin: (handle: unknown, settlement: Settlement) => void
}

export function transactionsOf({ transactions }: OpenTransport): SyncTransactions {
  if (transactions === undefined) throw new Error('the transport has no user transactions')
  return {
    sendWithin: (handle, envelopes) => transactions.sendWithin(handle, envelopes),
    settleWithin: (handle, settlement) => void transactions.settleWithin(handle, settlement),
  }
}
