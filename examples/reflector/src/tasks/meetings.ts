import { TaskContext } from 'taskwright'
import { broker } from '../broker.ts'
import { takeLock } from '../data/locks.ts'
import type { MeetingRow } from '../data/tables.ts'
import { database, now, whereby } from './dependencies.ts'

const lockTtl = 120_000

/** Finds the meetings that are over. Each is looked at by one worker at a time; the others skip it. */
export const processMeetings = broker.task(
  {
    name: 'process_meetings',
    aliases: ['reflector.worker.process.process_meetings'],
    deps: { database, whereby, now, ctx: TaskContext },
    timeout: '10m',
  },
  async ({ database, whereby, now, ctx }): Promise<number> => {
    if (whereby === undefined) return 0
    const active = await database
      .selectFrom('meeting')
      .selectAll()
      .where('is_active', '=', 1)
      .execute()
    let ended = 0
    for (const meeting of active) {
      const lock = await takeLock(database, {
        name: `meeting_process_lock:${meeting.id}`,
        ttl: lockTtl,
        now: () => now().getTime(),
      })
      if (lock === undefined) continue
      try {
        const sessions = await whereby.sessions(meeting.room_name)
        // The call may have been slow: who has lost the lock meanwhile has nothing to say any more.
        if (!(await lock.extend()) || isOn(meeting, sessions, now())) continue
        await database
          .updateTable('meeting')
          .set({ is_active: 0 })
          .where('id', '=', meeting.id)
          .execute()
        ended++
      } catch (error) {
        ctx.logger.error('a meeting could not be looked at', { error, meeting: meeting.id })
      } finally {
        await lock.release()
      }
    }
    return ended
  },
)

/** Somebody is in the room, or nobody has come yet and there is still time. */
function isOn(
  { end_date }: Pick<MeetingRow, 'end_date'>,
  sessions: readonly { endedAt: string | null }[],
  at: Date,
): boolean {
  if (sessions.some(({ endedAt }) => endedAt === null)) return true
  return sessions.length === 0 && at <= new Date(end_date)
}
