import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { broker } from '../src/broker.ts'
import { eventsAfter } from '../src/data/events.ts'
import { takeLock } from '../src/data/locks.ts'
import { topicsOf } from '../src/data/topics.ts'
import { getTranscript, setUploaded } from '../src/data/transcripts.ts'
import { LivePipeline } from '../src/pipelines/live-pipeline.ts'
import { makeRecording } from '../src/audio/recording.ts'
import { workshop } from '../src/tasks/dependencies.ts'
import { startProcessing } from '../src/tasks/start-processing.ts'
import { afterLive } from '../src/workflows.ts'
import { setStage, shortTalk, type Stage } from './stage.ts'

const server = process.env['POSTGRES_URL'] ?? 'postgres://postgres:postgres@127.0.0.1:5432/postgres'
const reachable = await reach()
if (!reachable && process.env['CI'] !== undefined)
  throw new Error('these tests need PostgreSQL: name one in POSTGRES_URL, or install it')
const reason = reachable ? '' : ' (skipped: no PostgreSQL; name one in POSTGRES_URL)'

describe.skipIf(!reachable)(`on PostgreSQL${reason}`, () => {
  // A schema of its own, in which the tables are found without naming it.
  const schema = `reflector_${randomBytes(6).toString('hex')}`
  const url = new URL(server)
  url.searchParams.set('options', `-c search_path=${schema}`)
  let stage: Stage
  beforeAll(() => run(`create schema ${schema}`))
  afterEach(() => stage.end())
  afterAll(() => run(`drop schema ${schema} cascade`))
  const open = async (seed: number): Promise<void> => {
    stage = await setStage({ mode: 'concurrent', seed }, { DATABASE_URL: url.href })
  }

  it('a recording becomes a transcript', async () => {
    await open(1)
    const room = await stage.room()
    const { id } = await stage.transcript({ source_kind: 'room', room_id: room.id })
    await stage.recording(await getTranscript(stage.db, id), 'upload.wav')
    await setUploaded(stage.db, id)
    const answers = await Promise.all([1, 2].map(() => startProcessing(stage.db, id)))
    expect(answers.sort()).toEqual(['already running', 'ok'])
    await stage.app.drain()
    expect(stage.app.failures).toEqual([])
    expect((await getTranscript(stage.db, id)).status).toBe('ended')
    expect(stage.world.receiver.received).toHaveLength(1)
  })

  it('two branches that write at the same time lose no event, and number them without a gap', async () => {
    await open(2)
    const { id } = await stage.transcript({ source_kind: 'live' })
    await broker.scope(async (resolve) => {
      const { shop } = await resolve({ shop: workshop })
      const pipeline = new LivePipeline(shop, await getTranscript(stage.db, id))
      await pipeline.start()
      pipeline.push(makeRecording(shortTalk).samples)
      await pipeline.finish()
    })
    await afterLive(id, id)
    await stage.app.drain()
    expect(stage.app.failures).toEqual([])
    const events = await eventsAfter(stage.db, id, 0)
    const names = events.map(({ event }) => event)
    for (const name of ['WAVEFORM', 'FINAL_TITLE', 'FINAL_SHORT_SUMMARY'])
      expect(names.filter((one) => one === name)).toHaveLength(1)
    expect(names.filter((name) => name === 'TOPIC')).toHaveLength(
      (await topicsOf(stage.db, id)).length,
    )
    expect(events.at(-1)).toMatchObject({ data: { value: 'ended' } })
  })

  it('of ten that want a lock one has it, and nobody waits', async () => {
    await open(3)
    const request = { name: 'a lock', ttl: 1000, now: () => stage.now().getTime() }
    const locks = await Promise.all(Array.from({ length: 10 }, () => takeLock(stage.db, request)))
    expect(locks.filter((lock) => lock !== undefined)).toHaveLength(1)
    await stage.virtual.clock.advance('1001ms')
    expect(await takeLock(stage.db, request)).toBeDefined()
    // Who had it has lost it.
    expect(await locks.find((lock) => lock !== undefined)?.extend()).toBe(false)
  })
})

async function run(sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: server, connectionTimeoutMillis: 3000 })
  await client.connect()
  try {
    await client.query(sql)
  } finally {
    await client.end()
  }
}

async function reach(): Promise<boolean> {
  try {
    await run('select 1')
    return true
  } catch {
    return false
  }
}
