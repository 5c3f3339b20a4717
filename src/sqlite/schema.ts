/**
 * The tables, and how they come to be.
 *
 * `PRAGMA application_id` says that a file is ours and `user_version` which schema it has. Names
 * begin with `tw_`, because tables of the user may live in the same file.
 *
 * ```
 *   tw_queue    a queue's number and cap            tw_result    results, first writer wins
 *   tw_message  what waits, is due or runs          tw_progress  the last progress of each task
 *   tw_payload  bodies above 1 kB, by seq           tw_counter   numbers that are drawn once
 *   tw_dead     dead letters with their bodies      tw_permit    who holds which lock
 * ```
 *
 * A message is in one of four states, each with its own partial index, so that a claim never walks
 * over what does not wait. States start at 2 because 0 and 1 take no byte in a record: moving from
 * one to 2 would change its length and rewrite it. For the same reason tokens are of equal width.
 */
import { StoreError } from '../core/errors.ts'
import type { Connection } from './connection.ts'
import { graphSchema } from './graph-schema.ts'

/** `TWQ1`. */
export const applicationId = 0x54575131

/** `tw_message.state`. */
export const state = { ready: 2, scheduled: 3, leased: 4, suspect: 5, gated: 6 } as const

/** `tw_message.token` while nobody holds the message: it waits for its first run, or for another. */
export const waitingToken: { readonly fresh: number; readonly retried: number } = {
  fresh: 2 ** 40,
  retried: 2 ** 40 + 1,
}

/** Bodies up to this many UTF-16 units or bytes lie in the message's own row. */
export const inlineBody = 1024

/** One step forward from the version before it. Never changed once released. */
export interface Migration {
  readonly version: number
  readonly sql: string
}

const first = `
CREATE TABLE tw_queue(no INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, cap INT) STRICT;
CREATE TABLE tw_message(
  seq INTEGER PRIMARY KEY,    -- first in, first out
  id TEXT NOT NULL,
  queue INT NOT NULL,         -- tw_queue.no
  priority INT NOT NULL,
  state INT NOT NULL,         -- 2 ready, 3 scheduled, 4 leased, 5 ready again after a lost lease
  at INT NOT NULL,            -- ms since 1970: stored (2, 5), due (3), end of the lease (4)
  token INT NOT NULL,         -- names the claim; 2^40 or 2^40 + 1 while nobody holds it
  redeliveries INT NOT NULL,
  enqueued INT NOT NULL,      -- ms since 1970
  cancelled TEXT,             -- the reason
  expires INT,
  data ANY                    -- the body: text stays text, bytes stay bytes; NULL: in tw_payload
) STRICT;
CREATE UNIQUE INDEX tw_message_id ON tw_message(id);
CREATE INDEX tw_message_ready ON tw_message(queue, priority DESC, seq) WHERE state = 2;
CREATE INDEX tw_message_suspect ON tw_message(queue, priority DESC, seq) WHERE state = 5;
CREATE INDEX tw_message_due ON tw_message(queue, at) WHERE state = 3;
CREATE INDEX tw_message_lease ON tw_message(at) WHERE state = 4;
CREATE TABLE tw_payload(seq INTEGER PRIMARY KEY, data ANY NOT NULL) STRICT;
CREATE TRIGGER tw_message_end AFTER DELETE ON tw_message WHEN old.data IS NULL
  BEGIN DELETE FROM tw_payload WHERE seq = old.seq; END;
CREATE TABLE tw_dead(
  seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, queue INT NOT NULL, priority INT NOT NULL,
  reason TEXT NOT NULL, detail TEXT NOT NULL, redeliveries INT NOT NULL, enqueued INT NOT NULL,
  at INT NOT NULL, data ANY NOT NULL
) STRICT;
CREATE INDEX tw_dead_queue ON tw_dead(queue);
CREATE TABLE tw_result(id TEXT PRIMARY KEY, expires INT NOT NULL, data ANY NOT NULL) STRICT;
CREATE INDEX tw_result_expires ON tw_result(expires);
CREATE TABLE tw_progress(id TEXT PRIMARY KEY, expires INT NOT NULL, data ANY NOT NULL) STRICT;
CREATE INDEX tw_progress_expires ON tw_progress(expires);
CREATE TABLE tw_counter(name TEXT PRIMARY KEY, value INT NOT NULL) STRICT;
INSERT INTO tw_counter(name, value) VALUES ('process', 0);
`

/** Permits of locks, until their time. */
const locks = `
CREATE TABLE tw_permit(
  key TEXT NOT NULL, holder TEXT NOT NULL, expires INT NOT NULL, fence INT NOT NULL,
  PRIMARY KEY(key, holder)
) STRICT;
CREATE INDEX tw_permit_expires ON tw_permit(expires);
`

/** Unique keys: who took each last. His message tells whether he still has it. */
const unique = `
CREATE TABLE tw_unique(
  key TEXT PRIMARY KEY, id TEXT NOT NULL,
  since INT NOT NULL,         -- when the first of those that replaced each other was stored
  until INT NOT NULL,         -- end of its window, or 0
  look INT NOT NULL           -- when to look next whether anybody needs it
) STRICT;
CREATE INDEX tw_unique_look ON tw_unique(look);
`

/** Gates: limits over all processes, held by messages. */
const gates = `
ALTER TABLE tw_message ADD COLUMN gates TEXT;  -- [key, limit, kept], as JSON; NULL for most
ALTER TABLE tw_message ADD COLUMN passed INT;  -- how many of them it has passed
ALTER TABLE tw_dead ADD COLUMN gates TEXT;
ALTER TABLE tw_step ADD COLUMN gates TEXT;
CREATE INDEX tw_message_gated ON tw_message(queue, at) WHERE state = 6;
CREATE TABLE tw_gate(key TEXT PRIMARY KEY, held INT NOT NULL, cap INT) STRICT;
CREATE TABLE tw_gate_line(
  key TEXT NOT NULL, rank INT NOT NULL, place INT NOT NULL, seq INT NOT NULL,
  PRIMARY KEY(key, rank, place, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX tw_gate_line_seq ON tw_gate_line(seq);
CREATE TABLE tw_ungated(seq INTEGER PRIMARY KEY, gates TEXT NOT NULL, passed INT NOT NULL) STRICT;
DROP TRIGGER tw_message_end;
CREATE TRIGGER tw_message_end AFTER DELETE ON tw_message WHEN old.data IS NULL OR old.gates IS NOT NULL
  BEGIN
    DELETE FROM tw_payload WHERE seq = old.seq;
    INSERT OR REPLACE INTO tw_ungated SELECT old.seq, old.gates, coalesce(old.passed, 0)
     WHERE old.gates IS NOT NULL;
  END;
`

/** Plans, what is known of their fires, and who leads the schedulers. */
const schedules = `
CREATE TABLE tw_plan(
  id TEXT PRIMARY KEY,
  change INT NOT NULL,        -- in the order of changes
  data TEXT                   -- NULL: removed
) STRICT;
CREATE INDEX tw_plan_change ON tw_plan(change);
CREATE TABLE tw_fire(
  id TEXT PRIMARY KEY, print TEXT NOT NULL,
  mark INT NOT NULL,          -- every slot up to it is decided
  anchor INT NOT NULL, last INT, message TEXT, waiting INT,
  fired INT NOT NULL, missed INT NOT NULL, skipped INT NOT NULL,
  paused INT NOT NULL, lag INT NOT NULL,
  until INT                   -- the plan is gone: when this may be dropped
) STRICT;
CREATE INDEX tw_fire_until ON tw_fire(until) WHERE until IS NOT NULL;
CREATE TABLE tw_leader(
  grp TEXT PRIMARY KEY, holder TEXT NOT NULL, until INT NOT NULL, report TEXT NOT NULL
) STRICT;
`

/** Rates: what went when. */
const rates = `
CREATE TABLE tw_rate(
  key TEXT PRIMARY KEY,
  rule TEXT,                  -- set at run time, as JSON
  tat REAL NOT NULL, start REAL NOT NULL, used INT NOT NULL, until INT NOT NULL,
  last INT NOT NULL,          -- number of the last moment
  expires INT NOT NULL
) STRICT;
CREATE INDEX tw_rate_expires ON tw_rate(expires) WHERE rule IS NULL;
CREATE TABLE tw_rate_moment(
  key TEXT NOT NULL, no INT NOT NULL, at REAL NOT NULL, PRIMARY KEY(key, no)
) STRICT, WITHOUT ROWID;
`

/** What is said to running workers, who listens, and settings that they follow. */
const control = `
CREATE TABLE tw_control(
  seq INTEGER PRIMARY KEY AUTOINCREMENT, at INT NOT NULL,
  ref INT,                    -- of an answer: the message
  body TEXT NOT NULL
) STRICT;
CREATE INDEX tw_control_ref ON tw_control(ref) WHERE ref IS NOT NULL;
CREATE TABLE tw_listener(id TEXT PRIMARY KEY, until INT NOT NULL) STRICT;
CREATE TABLE tw_setting(name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
`

/** Who has passed gates that cancel, oldest first; the trigger notes the id of what is deleted. */
const gateHolders = `
CREATE TABLE tw_gate_holder(place INTEGER PRIMARY KEY, key TEXT NOT NULL, id TEXT NOT NULL) STRICT;
CREATE INDEX tw_gate_holder_key ON tw_gate_holder(key, place);
CREATE INDEX tw_gate_holder_id ON tw_gate_holder(id);
ALTER TABLE tw_ungated ADD COLUMN id TEXT;
DROP TRIGGER tw_message_end;
CREATE TRIGGER tw_message_end AFTER DELETE ON tw_message WHEN old.data IS NULL OR old.gates IS NOT NULL
  BEGIN
    DELETE FROM tw_payload WHERE seq = old.seq;
    INSERT OR REPLACE INTO tw_ungated SELECT old.seq, old.gates, coalesce(old.passed, 0), old.id
     WHERE old.gates IS NOT NULL;
  END;
`

/**
 * The note of what is deleted, in a statement that cannot fail half-way. With OR REPLACE it could (a
 * column that is NOT NULL), and SQLite then journals every DELETE of several rows so that it can be
 * taken back by itself: 4 µs a row, also where no row has gates. No row is noted twice: a settle empties
 * the table before it ends, and only a claimed message is deleted.
 */
const quietUngating = `
DROP TRIGGER tw_message_end;
CREATE TRIGGER tw_message_end AFTER DELETE ON tw_message WHEN old.data IS NULL OR old.gates IS NOT NULL
  BEGIN
    DELETE FROM tw_payload WHERE seq = old.seq;
    INSERT OR IGNORE INTO tw_ungated SELECT old.seq, old.gates, coalesce(old.passed, 0), old.id
     WHERE old.gates IS NOT NULL;
  END;
`

/** All steps, oldest first. */
export const migrations: readonly Migration[] = [
  { version: 1, sql: first },
  { version: 2, sql: locks },
  { version: 3, sql: unique },
  { version: 4, sql: graphSchema },
  { version: 5, sql: schedules },
  { version: 6, sql: gates },
  { version: 7, sql: rates },
  { version: 8, sql: control },
  { version: 9, sql: gateHolders },
  { version: 10, sql: quietUngating },
]

/**
 * Brings an open database to the newest version: one transaction for all steps. Old processes go on
 * beside it for one version, so a step may add tables, columns and indexes but take nothing away.
 *
 * @throws StoreError for a version newer than this program knows.
 */
export function migrate(
  sql: Connection,
  file: string,
  steps: readonly Migration[] = migrations,
): void {
  const newest = steps.at(-1)?.version ?? 0
  const found = pragma(sql, 'user_version')
  if (found > newest) {
    throw new StoreError(
      `'${file}' was written by a newer Taskwright (schema ${found}, this one knows ${newest}). Update the taskwright ` +
        'package of this program; nothing was changed.',
    )
  }
  if (found === newest) return
  sql.exec('BEGIN IMMEDIATE')
  try {
    // Another process may have been first.
    const version = pragma(sql, 'user_version')
    for (const step of steps.filter((each) => each.version > version)) sql.exec(step.sql)
    sql.exec(`PRAGMA user_version = ${Math.max(version, newest)}`)
    sql.exec('COMMIT')
  } catch (error) {
    sql.rollback()
    throw error
  }
}

/** Makes the tables in a new, empty database. */
export function initialise(sql: Connection, file: string): void {
  // Nobody sees the file before it is complete, so it needs no journal; it is synced when it is written.
  sql.exec(`PRAGMA journal_mode = MEMORY; PRAGMA synchronous = FULL; PRAGMA auto_vacuum = 0;
    PRAGMA application_id = ${applicationId}`)
  migrate(sql, file)
}

/** @throws StoreError when the file belongs to another program. */
export function checkOwner(sql: Connection, file: string): void {
  const found = pragma(sql, 'application_id')
  if (found === applicationId) return
  throw new StoreError(
    `'${file}' is a SQLite database of another program (application_id ${found}, Taskwright's is ${applicationId}); ` +
      'nothing was changed. Name a file of its own for Taskwright, which makes it; tables of yours may then live in it.',
  )
}

/** A pragma that is a whole number. */
export function pragma(sql: Connection, name: string): number {
  const row = sql.get<Record<string, number | bigint>>(`PRAGMA ${name}`)
  return Number(row === undefined ? 0 : Object.values(row)[0])
}
