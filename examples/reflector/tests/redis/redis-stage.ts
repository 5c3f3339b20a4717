import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql, type Kysely } from 'kysely'
import { findAudioTool } from '../../src/audio/find-audio-tool.ts'
import { broker } from '../../src/broker.ts'
import { openDatabase } from '../../src/data/database.ts'
import { migrate } from '../../src/data/migrations.ts'
import type { Tables } from '../../src/data/tables.ts'
import { readSettings, type Settings } from '../../src/settings.ts'
import { startStandIns, type StandIns } from '../../src/stand-ins/stand-ins.ts'
import { database, settings } from '../../src/tasks/dependencies.ts'
import { RedisCrew } from './crew.ts'

/** What a stage has, wherever its tasks are run. */
export interface RedisStage {
  readonly folder: string
  readonly world: StandIns
  readonly db: Kysely<Tables>
  readonly settings: Settings
  readonly crew: RedisCrew
}

interface Standing extends RedisStage {
  /** What the workers were started with. */
  readonly key: string
}

let standing: Standing | undefined

/**
 * A stage on Redis, empty. World, database and workers are those of the stage before, as processes are slow to
 * start; workers are replaced when their environment is another.
 */
export async function redisStage(
  environment: (place: { folder: string; url: string }) => Record<string, string>,
): Promise<RedisStage> {
  const { folder, world, db } = standing ?? (await openPlace())
  await empty(folder, world, db)
  const env = {
    ...environment({ folder, url: world.url }),
    DATABASE_URL: `sqlite:${join(folder, 'reflector.db')}`,
    // Time passes by itself here.
    STEP_RETRY_SECONDS: '0.2',
    WEBHOOK_RETRY_SECONDS: '0.2',
  }
  const found = readSettings(env)
  const key = JSON.stringify(env)
  let crew = standing?.crew
  if (crew === undefined || standing?.key !== key) {
    await crew?.stop()
    crew = await RedisCrew.start(folder, env)
  }
  crew.reset()
  await broker.start()
  broker.dependencyOverrides.setValue(settings, found)
  broker.dependencyOverrides.setValue(database, db)
  standing = { folder, world, db, settings: found, crew, key }
  return standing
}

/** Ends all of it. May be called when nothing was begun. */
export async function closeRedisStage(): Promise<void> {
  if (standing === undefined) return
  const { crew, db, world, folder } = standing
  await crew.stop()
  await broker.stop()
  await db.destroy()
  await world.stop()
  await rm(folder, { recursive: true, force: true })
}

async function openPlace(): Promise<{ folder: string; world: StandIns; db: Kysely<Tables> }> {
  const folder = await mkdtemp(join(tmpdir(), 'reflector-stage-'))
  const world = await startStandIns({ folder: join(folder, 'objects'), tool: findAudioTool() })
  const db = openDatabase(`sqlite:${join(folder, 'reflector.db')}`)
  return { folder, world, db }
}

async function empty(folder: string, world: StandIns, db: Kysely<Tables>): Promise<void> {
  world.clear()
  for (const name of ['objects', 'data']) {
    await rm(join(folder, name), { recursive: true, force: true })
    await mkdir(join(folder, name))
  }
  // Also what a test has done to the tables themselves.
  const tables = await db.introspection.getTables({ withInternalKyselyTables: true })
  await sql`pragma foreign_keys = off`.execute(db)
  for (const { name } of tables) await db.schema.dropTable(name).execute()
  await sql`pragma foreign_keys = on`.execute(db)
  await migrate(db)
}
