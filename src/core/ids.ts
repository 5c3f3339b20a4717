import type { Clock } from './clock.ts'
import { hexOfByte } from './hex.ts'
import type { Random } from './random.ts'

/** Makes ids: 32 lower-case hex characters, in the order of their making within one process. */
export type IdSource = () => string

/**
 * The default id source: 12 hex digits of milliseconds, 4 of a counter, 16 of chance (as UUIDv7
 * orders its bits, RFC 9562 §5.7, without the version bits). Time-ordered ids make SQLite and
 * PostgreSQL two to four times faster than random ones. The chance part is drawn for each id.
 *
 * A clock that steps back does not break the order: the last time is kept and counted on.
 */
export function timeOrderedIds(clock: Clock, random: Random): IdSource {
  let last = 0
  let count = 0
  // The digits of `last`: written once for all ids of a millisecond.
  let digits = '0'.repeat(12)
  const turnTo = (time: number): void => {
    last = time
    count = 0
    digits = time.toString(16).padStart(12, '0')
  }
  // Drawing 8 bytes for each id costs more than the rest of a send: draw for many ids at once.
  let pool = ''
  let used = 0
  return () => {
    const now = clock.now()
    if (now > last) turnTo(now)
    else if (++count > 0xffff) turnTo(last + 1)
    if (used >= pool.length) {
      pool = random.hex(8 * 64)
      used = 0
    }
    const chance = pool.slice(used, (used += 16))
    return `${digits}${hexOfByte[count >> 8]}${hexOfByte[count & 0xff]}${chance}`
  }
}

/** Whether a text may be an id: 1–128 characters of letters, digits and `_ . : -`. Python ids may be of any such form. */
export function isId(text: unknown): text is string {
  return typeof text === 'string' && /^[A-Za-z0-9_.:-]{1,128}$/.test(text)
}
