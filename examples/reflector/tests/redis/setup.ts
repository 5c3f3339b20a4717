/**
 * Before the modules of the application are read: a Redis of this test file alone, and its address where they look
 * for it. From then on {@link setStage} sets the stage there.
 */
import { spawnSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeEach } from 'vitest'
import { ownRedis } from '../../src/demo/own-redis.ts'
import { startProcess } from '../../src/demo/processes.ts'

const isThere = spawnSync('redis-server', ['--version']).status === 0
if (!isThere && process.env['CI'] !== undefined)
  throw new Error('these tests need the program redis-server: install it')

if (isThere) {
  const folder = await mkdtemp(join(tmpdir(), 'reflector-redis-'))
  const { url, options } = await ownRedis(folder)
  const redis = startProcess(options)
  await redis.ready
  process.env['REFLECTOR_MODE'] = 'redis'
  process.env['TASKWRIGHT_URL'] = url
  // A run that is broken off leaves neither Redis nor workers behind: they are ended as this process exits.
  for (const sign of ['SIGTERM', 'disconnect'] as const) process.once(sign, () => process.exit())
  afterAll(async () => {
    await (await import('./redis-stage.ts')).closeRedisStage()
    await redis.stop()
    await rm(folder, { recursive: true, force: true })
  })
} else {
  beforeEach((context) => context.skip('there is no redis-server'))
}
