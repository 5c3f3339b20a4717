import type { Insertable, Kysely, Selectable, Transaction, Updateable } from 'kysely'

/**
 * The tables, as they are in SQLite and in PostgreSQL. Times are ISO texts in UTC, truth values 0 and
 * 1, and lists JSON texts: what both databases have, and what sorts and compares alike in both.
 */
export interface Tables {
  transcript: TranscriptTable
  transcript_event: EventTable
  transcript_topic: TopicTable
  recording: RecordingTable
  meeting: MeetingTable
  meeting_consent: ConsentTable
  room: RoomTable
  calendar_event: CalendarEventTable
  app_lock: LockTable
  task_metric: MetricTable
  task_flag: FlagTable
}

/** A database, or a transaction in it. */
export type Db = Kysely<Tables> | Transaction<Tables>

interface TranscriptTable {
  id: string
  name: string
  status: string
  locked: number
  /** Milliseconds. */
  duration: number | null
  created_at: string
  title: string | null
  short_summary: string | null
  long_summary: string | null
  source_language: string
  target_language: string
  audio_location: string
  audio_deleted: number | null
  share_mode: string
  source_kind: string
  user_id: string | null
  room_id: string | null
  meeting_id: string | null
  /** One transcript for each recording, whoever is told of it how often. */
  recording_id: string | null
  zulip_message_id: number | null
  /** How often it was sent to be processed: part of the task's id, so that one sending is one run. */
  processings: number
  /** The last number given to an event; raised in the transaction that adds the event. */
  event_seq: number
  /** The workflow that works on it, for those who watch. */
  workflow_run_id: string | null
}

interface EventTable {
  transcript_id: string
  /** Without gaps, in the order in which the transactions committed. */
  seq: number
  event: string
  /** A later event of the same key takes the place of this one; null for events that pile up. */
  event_key: string | null
  data: string
  created_at: string
}

interface TopicTable {
  id: string
  transcript_id: string
  title: string
  summary: string
  /** Seconds. */
  timestamp: number
  /** Seconds. */
  duration: number
  transcript: string
  words: string
}

interface RecordingTable {
  id: string
  bucket_name: string
  object_key: string
  recorded_at: string
  status: string
  meeting_id: string | null
}

interface MeetingTable {
  id: string
  room_name: string
  room_url: string
  host_room_url: string
  start_date: string
  end_date: string
  room_id: string
  is_active: number
  num_clients: number
  calendar_event_id: string | null
  calendar_metadata: string | null
}

interface ConsentTable {
  id: string
  meeting_id: string
  user_id: string | null
  consent_given: number
  consent_timestamp: string
}

interface RoomTable {
  id: string
  name: string
  user_id: string
  zulip_auto_post: number
  zulip_stream: string
  zulip_topic: string
  webhook_url: string | null
  webhook_secret: string | null
  ics_url: string | null
  /** Seconds. */
  ics_fetch_interval: number
  ics_enabled: number
  ics_last_sync: string | null
  ics_last_hash: string | null
}

interface CalendarEventTable {
  id: string
  room_id: string
  ics_uid: string
  title: string
  description: string
  location: string
  start_time: string
  end_time: string
  attendees: string
  last_synced: string
  is_deleted: number
}

interface LockTable {
  name: string
  owner: string
  /** Milliseconds since 1970. */
  expires_at: number
}

interface MetricTable {
  task: string
  /** `succeeded`, `failed`, `seconds`, or `le` and an upper edge. */
  kind: string
  value: number
}

interface FlagTable {
  task: string
  way: string
}

export type TranscriptRow = Selectable<TranscriptTable>
export type NewTranscript = Insertable<TranscriptTable>
export type TranscriptPatch = Updateable<TranscriptTable>
export type TopicRow = Selectable<TopicTable>
export type RecordingRow = Selectable<RecordingTable>
export type MeetingRow = Selectable<MeetingTable>
export type RoomRow = Selectable<RoomTable>
export type CalendarEventRow = Selectable<CalendarEventTable>
