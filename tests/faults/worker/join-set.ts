import { appendFileSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { JoinKind } from './worker-plan.ts'

/** A member of a set that is done. */
export interface Done {
  readonly folder: string
  readonly kind: JoinKind
  readonly group: string
  readonly no: number
}

/**
 * Marks a member as done; how many are. As a set (a file for each member) it may be told twice; as a
 * counter (a byte for each time) it counts twice who runs twice, which is what the control shows.
 */
export function joinSet({ folder, kind, group, no }: Done): number {
  const place = join(folder, 'sets', group)
  if (kind === 'set') {
    mkdirSync(place, { recursive: true })
    writeFileSync(join(place, String(no)), '')
    return readdirSync(place).length
  }
  mkdirSync(join(folder, 'sets'), { recursive: true })
  appendFileSync(place, '.')
  return statSync(place).size
}
