import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { DatabaseSync } from '@photostructure/sqlite'
import { createBroker, silentLogger } from '../../../src/index.ts'
import { systemRandom } from '../../../src/core/random.ts'
import { memoryTransport } from '../../../src/memory/index.ts'
import { redisTransport } from '../../../src/redis/index.ts'
import { claimCheckSuite } from '../../support/claim-check-suite.ts'
import { describeRedis, useRedis } from '../../support/redis.ts'

describe('in memory', () => {
  claimCheckSuite(() => memoryTransport())
})

describe('on SQLite', () => {
  const folder = mkdtempSync(join(tmpdir(), 'taskwright-claim-check-'))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  let files = 0
  const fresh = (): string => join(folder, `${++files}.db`)
  claimCheckSuite(() => `sqlite:${fresh()}`)

  it("large arguments travel within the user's own transaction, which holds the store", async () => {
    const file = fresh()
    const transport = `sqlite:${file}`
    const broker = createBroker({ transport, logger: silentLogger, claimCheck: { above: 10 } })
    const length = broker.task('length', async (text: string) => text.length)
    await broker.start()
    const db = new DatabaseSync(file)
    try {
      db.exec('BEGIN IMMEDIATE')
      await length.kicker().withTransaction(db).kiq('much larger than ten')
      db.exec('COMMIT')
      const [stored] = await broker.inspector.peek('default', { limit: 1 })
      expect(stored?.body).toContain('much larger than ten')
    } finally {
      db.close()
      await broker.stop()
    }
  })
})

describeRedis('on Redis', () => {
  const redis = useRedis()
  claimCheckSuite(() => {
    const prefix = `${redis.prefix}${systemRandom.hex(4)}:`
    return redisTransport({ url: redis.url, prefix, resultPrefix: prefix })
  })
})
