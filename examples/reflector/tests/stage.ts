import { randomUUID } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Kysely } from 'kysely'
import { silentLogger } from 'taskwright'
import { testBroker, type TestBroker, type TestBrokerOptions } from 'taskwright/testing'
import { dialogue } from '../src/audio/dialogue.ts'
import { findAudioTool } from '../src/audio/find-audio-tool.ts'
import { makeRecording } from '../src/audio/recording.ts'
import { encodeWav } from '../src/audio/wav.ts'
import { broker } from '../src/broker.ts'
import { openDatabase } from '../src/data/database.ts'
import { migrate } from '../src/data/migrations.ts'
import type { MeetingRow, RoomRow, Tables } from '../src/data/tables.ts'
import { createTranscript, type Transcript } from '../src/data/transcripts.ts'
import { readSettings, type Settings } from '../src/settings.ts'
import { standInEnvironment } from '../src/stand-ins/environment.ts'
import { startStandIns, type StandIns } from '../src/stand-ins/stand-ins.ts'
import { database, now, settings } from '../src/tasks/dependencies.ts'
import { virtualCrew, type Crew } from './crew.ts'
import { redisStage } from './redis/redis-stage.ts'

/** Short enough for a test, long enough for two speakers. */
export const shortTalk = dialogue.slice(0, 2)

/** Where the tasks of a scenario run: in this process, one after the other or by chance; or on Redis. */
export type Mode = 'inline' | 'concurrent' | 'redis'

/** All scenarios in one mode, where `REFLECTOR_MODE` says so; see README.md. */
const forced = process.env['REFLECTOR_MODE'] as Mode | undefined
/** Another order of the workers for each number. */
const moreSeed = Number(process.env['REFLECTOR_SEED'] ?? 0)

/** Whether this run is on Redis, in real time. */
export const onRedis = forced === 'redis'
if (forced !== undefined && !['inline', 'concurrent', 'redis'].includes(forced))
  throw new Error(`REFLECTOR_MODE is inline or concurrent, not '${String(forced)}'`)
if (onRedis && process.env['TASKWRIGHT_URL'] === undefined)
  throw new Error('on Redis: npx vitest run --project examples-on-redis')

/** Why tests of what takes hours, or of what can only be planned in this process, are left out there. */
export const virtualOnly = onRedis ? ' (skipped: it is of virtual time)' : ''

/** The outside world, a database and those who run the tasks. */
export interface Stage {
  readonly app: Crew
  /** The test broker. @throws Error on Redis: skip the test there, see {@link virtualOnly} */
  readonly virtual: TestBroker
  readonly world: StandIns
  readonly db: Kysely<Tables>
  readonly settings: Settings
  readonly folder: string
  /** The time of the test. */
  readonly now: () => Date
  room(of?: Partial<RoomRow>): Promise<RoomRow>
  meeting(room: RoomRow, of?: Partial<MeetingRow>): Promise<MeetingRow>
  transcript(of?: Partial<Transcript>): Promise<Transcript>
  /** A recording of two people as a transcript's file: `upload.wav`, `audio.wav`. */
  recording(transcript: Transcript, name: string): Promise<void>
  end(): Promise<void>
}

/** Sets the stage; `env` changes settings. */
export async function setStage(
  options: TestBrokerOptions,
  env: Readonly<Record<string, string>> = {},
): Promise<Stage> {
  const environment = ({ folder, url }: { folder: string; url: string }) => ({
    ...standInEnvironment(url),
    DATA_DIR: join(folder, 'data'),
    MIN_TRANSCRIPT_LENGTH: '150',
    ...env,
  })
  return onRedis ? onRealRedis(environment) : inThisProcess(options, environment)
}

type Environment = (place: { folder: string; url: string }) => Record<string, string>

async function inThisProcess(options: TestBrokerOptions, environment: Environment): Promise<Stage> {
  const folder = await mkdtemp(join(tmpdir(), 'reflector-stage-'))
  const world = await startStandIns({ folder: join(folder, 'objects'), tool: findAudioTool() })
  const env = environment({ folder, url: world.url })
  const found = readSettings(env)
  const db = openDatabase(env['DATABASE_URL'] ?? `sqlite:${join(folder, 'reflector.db')}`)
  await migrate(db)
  // What goes wrong on purpose is looked at by the tests.
  // The stand-ins and ffmpeg take real time, more of it on a busy machine.
  const patient = { patience: '20s', giveUpAfter: '50s' } as const
  const seed = (options.seed ?? 1) + 1000 * moreSeed
  const mode = forced === 'inline' || forced === 'concurrent' ? forced : options.mode
  const app = testBroker(broker, { logger: silentLogger, ...patient, ...options, mode, seed })
  const clock = (): Date => new Date(app.clock.now())
  app.dependencyOverrides.setValue(settings, found)
  app.dependencyOverrides.setValue(now, clock)
  app.dependencyOverrides.setValue(database, db)
  const place = { folder, world, db, settings: found, app: virtualCrew(app), now: clock }
  return {
    ...actors(place),
    virtual: app,
    async end() {
      await app.dispose()
      await db.destroy()
      await world.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function onRealRedis(environment: Environment): Promise<Stage> {
  const { crew, ...place } = await redisStage(environment)
  return {
    ...actors({ ...place, app: crew, now: () => new Date() }),
    get virtual(): TestBroker {
      throw new Error('there is no virtual time on Redis: skip the test there')
    },
    // What a scenario has left running would be part of the next one.
    end: () => crew.drain(),
  }
}

type Place = Pick<Stage, 'app' | 'world' | 'db' | 'settings' | 'folder' | 'now'>

function actors(place: Place): Omit<Stage, 'virtual' | 'end'> {
  const { world, db, folder, now: clock } = place
  return {
    ...place,
    room: (of = {}) => addRoom(db, world, of),
    meeting: (room, of = {}) => addMeeting(db, room, { at: clock(), of }),
    transcript: (of = {}) => createTranscript(db, { now: clock(), ...of }),
    async recording({ id }, name) {
      await mkdir(join(folder, 'data', id), { recursive: true })
      await writeFile(join(folder, 'data', id, name), encodeWav(makeRecording(shortTalk)))
    },
  }
}

function addRoom(db: Kysely<Tables>, world: StandIns, of: Partial<RoomRow>): Promise<RoomRow> {
  const id = randomUUID()
  const room: RoomRow = {
    id,
    name: `room-${id.slice(0, 8)}`,
    user_id: 'ada',
    zulip_auto_post: 1,
    zulip_stream: 'meetings',
    zulip_topic: 'weekly',
    webhook_url: `${world.url}/receiver/acme`,
    webhook_secret: 'webhook-secret',
    ics_url: null,
    ics_fetch_interval: 300,
    ics_enabled: 0,
    ics_last_sync: null,
    ics_last_hash: null,
    ...of,
  }
  return db.insertInto('room').values(room).returningAll().executeTakeFirstOrThrow()
}

function addMeeting(
  db: Kysely<Tables>,
  room: RoomRow,
  { at, of }: { at: Date; of: Partial<MeetingRow> },
): Promise<MeetingRow> {
  const meeting: MeetingRow = {
    id: randomUUID(),
    room_name: `/${randomUUID()}`,
    room_url: 'https://whereby.test/room',
    host_room_url: 'https://whereby.test/host',
    start_date: at.toISOString(),
    end_date: new Date(at.getTime() + 3_600_000).toISOString(),
    room_id: room.id,
    is_active: 1,
    num_clients: 0,
    calendar_event_id: null,
    calendar_metadata: null,
    ...of,
  }
  return db.insertInto('meeting').values(meeting).returningAll().executeTakeFirstOrThrow()
}
