import type { SettleStatus } from '../core/settlement.ts'
import { wholeMs } from './send.ts'

const statuses: Readonly<Record<string, SettleStatus>> = {
  s: 'settled',
  g: 'gone',
  t: 'taken',
  c: 'cancelled',
}

/** What a letter of the settle scripts means. */
export function statusOf(letter: string | undefined): SettleStatus {
  return statuses[letter ?? ''] ?? 'gone'
}

/** Milliseconds to live, of which Redis wants at least one. */
export function life(ms: number): number {
  return Math.max(1, wholeMs(ms))
}
