import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe } from 'vitest'
import { systemRandom } from '../../../src/core/random.ts'
import { redisTransport } from '../../../src/redis/index.ts'
import { pipelineSuite } from '../../support/pipeline-suite.ts'
import { describeRedis, useRedis } from '../../support/redis.ts'

const folder = mkdtempSync(join(tmpdir(), 'taskwright-pipelines-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('pipelines on the SQLite transport', () => {
  let files = 0
  pipelineSuite(() => `sqlite:${join(folder, `${++files}.db`)}`)
})

describeRedis('pipelines on the Redis transport', () => {
  const redis = useRedis()
  pipelineSuite(() => {
    const prefix = `${redis.prefix}${systemRandom.hex(4)}:`
    return redisTransport({ url: redis.url, prefix, resultPrefix: prefix })
  })
})
