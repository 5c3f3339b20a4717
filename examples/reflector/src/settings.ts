import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as z from 'zod'

const flag = z
  .enum(['', '0', '1', 'true', 'false'])
  .default('')
  .transform((text) => text === '1' || text === 'true')
const optional = z
  .string()
  .default('')
  .transform((text) => (text === '' ? undefined : text))

/** What the application is told by its environment; the names are those of Reflector where it has them. */
const form = z.object({
  DATA_DIR: z.string().default(join(tmpdir(), 'reflector')),
  DATABASE_URL: z.string().default('sqlite:./reflector.db'),
  UI_BASE_URL: z.string().default('http://localhost:3000'),

  OBJECT_STORE_URL: optional,
  OBJECT_STORE_KEY: z.string().default(''),
  OBJECT_STORE_SECRET: z.string().default(''),
  RECORDING_BUCKET: optional,
  TRANSCRIPT_BUCKET: optional,
  AWS_PROCESS_RECORDING_QUEUE_URL: optional,
  SQS_POLLING_TIMEOUT_SECONDS: z.coerce.number().min(1).default(60),

  TRANSCRIPT_URL: z.string().default('http://localhost:8000/transcriber'),
  DIARIZATION_URL: optional,
  LLM_URL: z.string().default('http://localhost:8000/llm'),
  LLM_API_KEY: z.string().default('none'),
  LLM_MODEL: z.string().default('small'),
  MIN_TRANSCRIPT_LENGTH: z.coerce.number().min(1).default(750),

  ZULIP_URL: optional,
  ZULIP_BOT_EMAIL: z.string().default(''),
  ZULIP_API_KEY: z.string().default(''),
  WHEREBY_API_URL: optional,
  WHEREBY_API_KEY: z.string().default(''),
  WHEREBY_WEBHOOK_SECRET: optional,

  PUBLIC_MODE: flag,
  PUBLIC_DATA_RETENTION_DAYS: z.coerce.number().min(0).default(7),
  HEALTHCHECK_URL: optional,
  /** Until a step whose service was busy is tried again; each time twice as long, up to a minute. */
  STEP_RETRY_SECONDS: z.coerce.number().positive().default(5),
  /** Until a webhook is sent again; each time twice as long, up to an hour. */
  WEBHOOK_RETRY_SECONDS: z.coerce.number().positive().default(60),
  WEBHOOK_TIMEOUT_SECONDS: z.coerce.number().min(0.1).default(30),
  /** Does everything, and tells nobody: for a shadow of the real system. */
  DRY_RUN: flag,
  /** How many tasks all workers together can run at once. */
  WORKER_SLOTS: z.coerce.number().min(1).default(16),
})

/** The settings, checked. */
export type Settings = z.output<typeof form>

/** @throws Error naming every variable that is wrong. */
export function readSettings(env: Readonly<Record<string, string | undefined>>): Settings {
  const read = form.safeParse(env)
  if (read.success) return read.data
  const faults = read.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`)
  throw new Error(`the environment is wrong. ${faults.join('; ')}`)
}
