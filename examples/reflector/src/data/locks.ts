import { randomUUID } from 'node:crypto'
import type { Db } from './tables.ts'

/** A lock that somebody holds. */
export interface HeldLock {
  /** Makes it last for another `ttl`; false when it was lost: stop then. */
  extend(): Promise<boolean>
  release(): Promise<void>
}

export interface LockRequest {
  readonly name: string
  /** Milliseconds after which a holder that died has lost it. */
  readonly ttl: number
  readonly now: () => number
}

/**
 * Takes a lock, or says at once that another has it: nobody waits. Reflector's locks meant to do that,
 * and waited behind a slow run.
 */
export async function takeLock(db: Db, request: LockRequest): Promise<HeldLock | undefined> {
  const { name, ttl, now } = request
  const owner = randomUUID()
  const taken = await db
    .insertInto('app_lock')
    .values({ name, owner, expires_at: now() + ttl })
    .onConflict((conflict) =>
      conflict
        .column('name')
        .doUpdateSet({ owner, expires_at: now() + ttl })
        .where('app_lock.expires_at', '<', now()),
    )
    .returning('owner')
    .executeTakeFirst()
  if (taken === undefined) return undefined
  return {
    async extend() {
      const { numUpdatedRows } = await db
        .updateTable('app_lock')
        .set({ expires_at: now() + ttl })
        .where('name', '=', name)
        .where('owner', '=', owner)
        .executeTakeFirst()
      return numUpdatedRows > 0n
    },
    async release() {
      await db.deleteFrom('app_lock').where('name', '=', name).where('owner', '=', owner).execute()
    },
  }
}
