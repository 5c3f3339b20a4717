import type { BenchEngine } from './engine.ts'
import { memory } from './engines/memory.ts'
import { redis } from './engines/redis.ts'
import { sqlite, sqliteFull } from './engines/sqlite.ts'

/** The columns, from left to right. */
export const engines: readonly BenchEngine[] = [memory, sqlite, sqliteFull, redis]

/** @throws RangeError that lists what is known. */
export function engineOf(name: string): BenchEngine {
  const found = engines.find((engine) => engine.name === name)
  if (found !== undefined) return found
  const known = engines.map((engine) => engine.name).join(', ')
  throw new RangeError(`there is no engine '${name}'. Known: ${known}.`)
}
