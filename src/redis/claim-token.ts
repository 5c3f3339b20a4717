import type { Claim } from '../core/delivery.ts'

/**
 * What a lease token says: the line and the entry of its stream, and the how-manieth claim of that entry
 * it is. The number of the queue is this instance's own, and makes the token unique among its queues.
 */
export interface ClaimPlace {
  readonly line: string
  readonly entry: string
  readonly count: number
}

/** What a token is before its entry: the same for all entries of one line of a queue that were claimed so many times. */
export function tokenHead(queue: number, { line, count }: Omit<ClaimPlace, 'entry'>): string {
  return `${line}${count}.${queue}.`
}

/** Reads a token; a place where nothing ever is for what is none of ours. */
export function placeOf({ token }: Claim): ClaimPlace {
  const text = String(token)
  const first = text.indexOf('.')
  const second = text.indexOf('.', first + 1)
  if (first < 2 || second < 0) return { line: '4', entry: '0-1', count: 0 }
  return {
    line: text.slice(0, 1),
    count: Number(text.slice(1, first)),
    entry: text.slice(second + 1),
  }
}

/** Which of two entries came first. Their ids are two numbers, and as texts in no order. */
export function compareEntries(a: string, b: string): number {
  const [aMs = '', aSeq = ''] = a.split('-')
  const [bMs = '', bSeq = ''] = b.split('-')
  // Numbers of one length are in order as texts, and nearly all are of one length.
  return compareNumbers(aMs, bMs) || compareNumbers(aSeq, bSeq)
}

function compareNumbers(a: string, b: string): number {
  if (a.length !== b.length) return a.length - b.length
  return a < b ? -1 : a > b ? 1 : 0
}
