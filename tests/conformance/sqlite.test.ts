import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe } from 'vitest'
import { sleep, systemClock } from '../../src/core/clock.ts'
import { silentLogger } from '../../src/core/logger.ts'
import { seededRandom, systemRandom } from '../../src/core/random.ts'
import {
  sqliteResultBackend,
  sqliteScheduleSource,
  sqliteTransport,
} from '../../src/sqlite/index.ts'
import { ManualClock } from '../../src/testing/index.ts'
import { engineConformance, type EngineSite } from '../support/engine-conformance.ts'

/** On the main thread with virtual time; in a thread, which nobody's virtual time reaches, with real time. */
const modes = [
  { name: 'on the main thread', thread: false },
  { name: 'in a thread', thread: true },
]

describe.each(modes)('the SQLite engine $name', ({ thread }) => {
  engineConformance((): EngineSite => {
    const folder = mkdtempSync(join(tmpdir(), 'taskwright-sqlite-'))
    const options = { file: join(folder, 'tasks.db'), thread }
    const clock = new ManualClock()
    return {
      around: thread
        ? { clock: systemClock, random: systemRandom, logger: silentLogger }
        : { clock, random: seededRandom(1), logger: silentLogger },
      transport: () => sqliteTransport(options),
      results: () => sqliteResultBackend(options),
      source: () => sqliteScheduleSource(options),
      lease: thread ? 400 : 1000,
      expiry: thread ? 300 : 1000,
      exactTime: !thread,
      advance: (ms) => (thread ? sleep(systemClock, ms) : clock.advance(ms)),
      remove: () => rmSync(folder, { recursive: true }),
    }
  })
})
