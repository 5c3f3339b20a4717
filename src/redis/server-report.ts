/** What a Redis server says of itself, read for what would surprise the user of a task queue. */

/** What was found. An `error` means that messages may be lost without a word. */
export interface Finding {
  readonly level: 'error' | 'warn' | 'info'
  readonly message: string
}

/** The oldest version with what the scripts need (`XPENDING … IDLE`, `XADD … NOMKSTREAM`). */
export const oldest = '6.2'

/** The fields of an answer of INFO. */
export function readInfo(text: string): ReadonlyMap<string, string> {
  return new Map(
    text.split(/\r?\n/).flatMap((line): [string, string][] => {
      const cut = line.indexOf(':')
      return line.startsWith('#') || cut < 0 ? [] : [[line.slice(0, cut), line.slice(cut + 1)]]
    }),
  )
}

/** The version of a server that is too old; `undefined` where it is not. */
export function tooOld(info: ReadonlyMap<string, string>): string | undefined {
  const version = info.get('redis_version') ?? ''
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return version !== '' && (major < 6 || (major === 6 && minor < 2)) ? version : undefined
}

/** Keys that Redis may throw away by itself. */
export function evictionFindings(info: ReadonlyMap<string, string>): readonly Finding[] {
  const policy = info.get('maxmemory_policy') ?? 'noeviction'
  const limited = (info.get('maxmemory') ?? '0') !== '0'
  if (policy === 'noeviction') return []
  const cure = 'Set `maxmemory-policy noeviction`: a full store then refuses a send.'
  if (!policy.startsWith('allkeys')) {
    const what = `maxmemory-policy is ${policy}: when memory is full, results are thrown away before their time.`
    return [{ level: 'warn', message: `${what} ${cure}` }]
  }
  const what = `maxmemory-policy is ${policy}: when memory is full, Redis throws messages away, and nobody is told.`
  return limited
    ? [{ level: 'error', message: `${what} ${cure}` }]
    : [{ level: 'warn', message: `${what} No maxmemory is set yet. ${cure}` }]
}

/** What is lost when the server dies. `save`: its setting, where it could be read. */
export function persistenceFindings(
  info: ReadonlyMap<string, string>,
  save: string | undefined,
): readonly Finding[] {
  if (info.get('aof_enabled') !== '0') return []
  if (save === '') {
    const message =
      'persistence is off: when Redis restarts, all messages and results are lost. ' +
      'Set `appendonly yes` where that matters.'
    return [{ level: 'warn', message }]
  }
  const message =
    'Redis persists by snapshots only: when it dies, what came after the last one is lost. ' +
    'Set `appendonly yes` where that matters.'
  return [{ level: 'info', message }]
}

/** Milliseconds by which clocks may differ unnoticed. */
const tolerated = 2000

/**
 * How far the clock of the server is from ours. Its time was taken between `before` and `after`.
 * @returns nothing where the call took too long to tell.
 */
export function skewFindings(of: {
  server: number
  before: number
  after: number
}): readonly Finding[] {
  const { server, before, after } = of
  const off = server > after ? server - after : server < before ? server - before : 0
  if (Math.abs(off) < tolerated) return []
  const message =
    `the clock of Redis is ${Math.round(Math.abs(off) / 1000)} s ${off > 0 ? 'ahead of' : 'behind'} this machine's: ` +
    'what is sent for a moment (`eta`, `expires`) comes by as much too early or too late. Leases and delays are not affected.'
  return [{ level: 'warn', message }]
}
