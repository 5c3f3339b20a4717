import { dependency } from 'taskwright'
import { findAudioTool } from '../audio/find-audio-tool.ts'
import { openDatabase } from '../data/database.ts'
import { Session } from '../data/session.ts'
import { Diarization } from '../outside/diarization.ts'
import { LanguageModel } from '../outside/language-model.ts'
import { ObjectStore } from '../outside/object-store.ts'
import { RecordingQueue } from '../outside/recording-queue.ts'
import { Transcription } from '../outside/transcription.ts'
import { Whereby } from '../outside/whereby.ts'
import { Zulip } from '../outside/zulip.ts'
import type { Workshop } from '../pipelines/workshop.ts'
import { readSettings } from '../settings.ts'

const forProcess = { scope: 'process' } as const

/** From the environment, unless a test says otherwise. */
export const settings = dependency(() => readSettings(process.env), forProcess)

/** What time it is for the application. */
export const now = dependency(() => () => new Date(), forProcess)

export const audioTool = dependency(() => findAudioTool(), forProcess)

/** The database of this process. Each statement is by itself; what belongs together takes {@link withSession}. */
export const database = dependency(
  { settings },
  async function* ({ settings }) {
    const db = openDatabase(settings.DATABASE_URL)
    try {
      yield db
    } finally {
      await db.destroy()
    }
  },
  forProcess,
)

/**
 * The guide's `with_session`: a transaction for each task, committed when the task has succeeded, and
 * rolled back when it has not. It is handed in by name, so no argument of the task can take its place.
 */
export const withSession = dependency({ database }, async function* ({ database }) {
  const session = new Session(database)
  try {
    yield session
  } catch (error) {
    await session.rollback()
    throw error
  }
  await session.commit()
})

/** A bucket of the object store by its name; `undefined` where there is no object store. */
export const buckets = dependency(
  { settings },
  ({ settings }) => {
    const { OBJECT_STORE_URL: url, OBJECT_STORE_KEY: key, OBJECT_STORE_SECRET: secret } = settings
    return (name: string | undefined): ObjectStore | undefined =>
      url === undefined || name === undefined
        ? undefined
        : new ObjectStore({ url, key, secret }, name)
  },
  forProcess,
)

export const recordingQueue = dependency(
  { settings },
  ({ settings }) => {
    const url = settings.AWS_PROCESS_RECORDING_QUEUE_URL
    return url === undefined ? undefined : new RecordingQueue(url)
  },
  forProcess,
)

export const zulip = dependency(
  { settings },
  ({ settings }) => {
    const { ZULIP_URL: url, ZULIP_BOT_EMAIL: email, ZULIP_API_KEY: key } = settings
    return url === undefined || settings.DRY_RUN ? undefined : new Zulip({ url, email, key })
  },
  forProcess,
)

export const whereby = dependency(
  { settings },
  ({ settings }) => {
    const { WHEREBY_API_URL: url, WHEREBY_API_KEY: key } = settings
    return url === undefined ? undefined : new Whereby({ url, key })
  },
  forProcess,
)

/** Everything that a pipeline works with. */
export const workshop = dependency(
  { settings, now, database, tool: audioTool, buckets },
  ({ settings, now, database, tool, buckets }): Workshop => ({
    settings,
    db: database,
    tool,
    now,
    transcription: new Transcription(settings.TRANSCRIPT_URL),
    diarization:
      settings.DIARIZATION_URL === undefined
        ? undefined
        : new Diarization(settings.DIARIZATION_URL),
    model: new LanguageModel({
      url: settings.LLM_URL,
      key: settings.LLM_API_KEY,
      model: settings.LLM_MODEL,
    }),
    storage: buckets(settings.TRANSCRIPT_BUCKET),
  }),
  forProcess,
)
