import { Migrator, type Kysely, type Migration } from 'kysely'

const first: Migration = {
  async up(db: Kysely<unknown>) {
    const { schema } = db
    await schema
      .createTable('room')
      .addColumn('id', 'text', (column) => column.primaryKey())
      .addColumn('name', 'text', (column) => column.notNull().unique())
      .addColumn('user_id', 'text', (column) => column.notNull())
      .addColumn('zulip_auto_post', 'integer', (column) => column.notNull())
      .addColumn('zulip_stream', 'text', (column) => column.notNull())
      .addColumn('zulip_topic', 'text', (column) => column.notNull())
      .addColumn('webhook_url', 'text')
      .addColumn('webhook_secret', 'text')
      .addColumn('ics_url', 'text')
      .addColumn('ics_fetch_interval', 'integer', (column) => column.notNull())
      .addColumn('ics_enabled', 'integer', (column) => column.notNull())
      .addColumn('ics_last_sync', 'text')
      .addColumn('ics_last_hash', 'text')
      .execute()
    await schema
      .createTable('calendar_event')
      .addColumn('id', 'text', (column) => column.primaryKey())
      .addColumn('room_id', 'text', (column) =>
        column.notNull().references('room.id').onDelete('cascade'),
      )
      .addColumn('ics_uid', 'text', (column) => column.notNull())
      .addColumn('title', 'text', (column) => column.notNull())
      .addColumn('description', 'text', (column) => column.notNull())
      .addColumn('location', 'text', (column) => column.notNull())
      .addColumn('start_time', 'text', (column) => column.notNull())
      .addColumn('end_time', 'text', (column) => column.notNull())
      .addColumn('attendees', 'text', (column) => column.notNull())
      .addColumn('last_synced', 'text', (column) => column.notNull())
      .addColumn('is_deleted', 'integer', (column) => column.notNull())
      .addUniqueConstraint('calendar_event_uid', ['room_id', 'ics_uid'])
      .execute()
    await schema
      .createTable('meeting')
      .addColumn('id', 'text', (column) => column.primaryKey())
      .addColumn('room_name', 'text', (column) => column.notNull())
      .addColumn('room_url', 'text', (column) => column.notNull())
      .addColumn('host_room_url', 'text', (column) => column.notNull())
      .addColumn('start_date', 'text', (column) => column.notNull())
      .addColumn('end_date', 'text', (column) => column.notNull())
      .addColumn('room_id', 'text', (column) =>
        column.notNull().references('room.id').onDelete('cascade'),
      )
      .addColumn('is_active', 'integer', (column) => column.notNull())
      .addColumn('num_clients', 'integer', (column) => column.notNull())
      // Unique: a calendar event has one meeting, however many make it at the same time.
      .addColumn('calendar_event_id', 'text', (column) =>
        column.unique().references('calendar_event.id').onDelete('set null'),
      )
      .addColumn('calendar_metadata', 'text')
      .execute()
    await schema
      .createTable('meeting_consent')
      .addColumn('id', 'text', (column) => column.primaryKey())
      .addColumn('meeting_id', 'text', (column) =>
        column.notNull().references('meeting.id').onDelete('cascade'),
      )
      .addColumn('user_id', 'text')
      .addColumn('consent_given', 'integer', (column) => column.notNull())
      .addColumn('consent_timestamp', 'text', (column) => column.notNull())
      .execute()
    await schema
      .createTable('recording')
      .addColumn('id', 'text', (column) => column.primaryKey())
      .addColumn('bucket_name', 'text', (column) => column.notNull())
      .addColumn('object_key', 'text', (column) => column.notNull())
      .addColumn('recorded_at', 'text', (column) => column.notNull())
      .addColumn('status', 'text', (column) => column.notNull())
      .addColumn('meeting_id', 'text')
      .addUniqueConstraint('recording_object', ['bucket_name', 'object_key'])
      .execute()
    await schema
      .createTable('transcript')
      .addColumn('id', 'text', (column) => column.primaryKey())
      .addColumn('name', 'text', (column) => column.notNull())
      .addColumn('status', 'text', (column) => column.notNull())
      .addColumn('locked', 'integer', (column) => column.notNull())
      .addColumn('duration', 'double precision')
      .addColumn('created_at', 'text', (column) => column.notNull())
      .addColumn('title', 'text')
      .addColumn('short_summary', 'text')
      .addColumn('long_summary', 'text')
      .addColumn('source_language', 'text', (column) => column.notNull())
      .addColumn('target_language', 'text', (column) => column.notNull())
      .addColumn('audio_location', 'text', (column) => column.notNull())
      .addColumn('audio_deleted', 'integer')
      .addColumn('share_mode', 'text', (column) => column.notNull())
      .addColumn('source_kind', 'text', (column) => column.notNull())
      .addColumn('user_id', 'text')
      .addColumn('room_id', 'text')
      .addColumn('meeting_id', 'text')
      .addColumn('recording_id', 'text', (column) => column.unique())
      .addColumn('zulip_message_id', 'integer')
      .addColumn('processings', 'integer', (column) => column.notNull())
      .addColumn('event_seq', 'integer', (column) => column.notNull())
      .addColumn('workflow_run_id', 'text')
      .execute()
    await schema
      .createTable('transcript_event')
      .addColumn('transcript_id', 'text', (column) =>
        column.notNull().references('transcript.id').onDelete('cascade'),
      )
      .addColumn('seq', 'integer', (column) => column.notNull())
      .addColumn('event', 'text', (column) => column.notNull())
      .addColumn('event_key', 'text')
      .addColumn('data', 'text', (column) => column.notNull())
      .addColumn('created_at', 'text', (column) => column.notNull())
      .addPrimaryKeyConstraint('transcript_event_seq', ['transcript_id', 'seq'])
      .execute()
    await schema
      .createTable('transcript_topic')
      .addColumn('id', 'text', (column) => column.primaryKey())
      .addColumn('transcript_id', 'text', (column) =>
        column.notNull().references('transcript.id').onDelete('cascade'),
      )
      .addColumn('title', 'text', (column) => column.notNull())
      .addColumn('summary', 'text', (column) => column.notNull())
      .addColumn('timestamp', 'double precision', (column) => column.notNull())
      .addColumn('duration', 'double precision', (column) => column.notNull())
      .addColumn('transcript', 'text', (column) => column.notNull())
      .addColumn('words', 'text', (column) => column.notNull())
      .execute()
    await schema
      .createIndex('transcript_topic_of')
      .on('transcript_topic')
      .columns(['transcript_id', 'timestamp'])
      .execute()
    await schema
      .createTable('app_lock')
      .addColumn('name', 'text', (column) => column.primaryKey())
      .addColumn('owner', 'text', (column) => column.notNull())
      .addColumn('expires_at', 'bigint', (column) => column.notNull())
      .execute()
    await schema
      .createTable('task_metric')
      .addColumn('task', 'text', (column) => column.notNull())
      .addColumn('kind', 'text', (column) => column.notNull())
      .addColumn('value', 'double precision', (column) => column.notNull())
      .addPrimaryKeyConstraint('task_metric_kind', ['task', 'kind'])
      .execute()
  },
}

const second: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable('task_flag')
      .addColumn('task', 'text', (column) => column.primaryKey())
      .addColumn('way', 'text', (column) => column.notNull())
      .execute()
  },
}

/** Brings the tables to their newest form; nothing to do is fine. Run by one process, before the others start. */
export async function migrate<T>(db: Kysely<T>): Promise<void> {
  const migrations = { '0001-first': first, '0002-flags': second }
  const provider = { getMigrations: async () => migrations }
  const { error } = await new Migrator({ db, provider }).migrateToLatest()
  if (error !== undefined)
    throw new Error('the tables could not be brought up to date', { cause: error })
}
