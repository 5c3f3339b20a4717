/**
 * What happened, as each process saw it, outside of the system under test.
 *
 * Every process appends to a file of its own, one JSON line for each fact, with a synchronous write:
 * what was written before a SIGKILL is there after it. Times are of the machine's monotonic clock,
 * which all processes share, so lines of several processes can be put in order.
 */
import { closeSync, openSync, readdirSync, readFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'

/** A claim's token, as text. */
type Token = string

/** What a producer did. `unknown`: it was not told; the message may be stored or not. */
interface Sent {
  attempt: {
    readonly parent?: string | undefined
    /** Per-key order: first success of a lower `seq` comes first. */
    readonly key?: string | undefined
    readonly seq?: number | undefined
    /** It is one of a set that a callback waits for, or the callback itself. */
    readonly group?: string | undefined
    readonly joins?: string | undefined
  }
  ack: { readonly known: boolean }
  refused: { readonly error: string }
}

/** What a worker did with a claim. `retries` and `redeliveries` order the claims of one message. */
interface Handed {
  claim: { readonly token: Token; readonly retries: number; readonly redeliveries: number }
  settle: { readonly token: Token; readonly outcome: string }
  settled: { readonly token: Token; readonly outcome: string; readonly status: string }
  release: { readonly token: Token }
  released: { readonly token: Token; readonly status: string }
  lost: { readonly token: Token }
}

/** What a handler did. */
interface Ran {
  start: { readonly run: string; readonly limit?: string | undefined }
  end: { readonly run: string; readonly how: RunEnd }
  /** It has done its share of a set, as the set is about to be told. */
  member: { readonly group: string }
}

/** What the driver did to a process, or saw of it. */
interface Drove {
  spawned: { readonly target: number }
  ready: { readonly target: number }
  fault: { readonly fault: string; readonly target: number }
  healed: { readonly fault: string; readonly target: number }
  gone: { readonly target: number; readonly how: string }
  /** What a process uses, after a collection. */
  sample: { readonly heap: number; readonly rss: number; readonly resources: number }
  /** Something that a row looks for: `stuck`, `store-failed`. */
  note: { readonly what: string; readonly detail?: string | undefined }
}

type OfMessage = Sent & Handed & Ran

/** One fact. */
export type Fact =
  | {
      [K in keyof OfMessage]: { readonly kind: K; readonly id: string } & OfMessage[K]
    }[keyof OfMessage]
  | { [K in keyof Drove]: { readonly kind: K } & Drove[K] }[keyof Drove]

/** How a handler ended. `abandoned`: it was aborted. */
export type RunEnd = 'ok' | 'failed' | 'abandoned'

/**
 * A fact with its time (microseconds of the monotonic clock) and its process. As read, `pid` and `target`
 * name one process only: a system gives numbers of processes again.
 */
export type Entry = Fact & { readonly at: number; readonly pid: number }

/** Writes facts. */
export interface Ledger {
  write(...facts: readonly Fact[]): void
  close(): void
}

/** Microseconds of the clock that all processes of a machine share. */
export function sharedTime(): number {
  return Number(process.hrtime.bigint() / 1000n)
}

/** Opens this process's own file in `folder`. */
export function openLedger(folder: string): Ledger {
  const file = openSync(join(folder, `${process.pid}-${sharedTime()}.jsonl`), 'a')
  return {
    write(...facts) {
      if (facts.length === 0) return
      const stamp = { at: sharedTime(), pid: process.pid }
      writeSync(file, facts.map((fact) => `${JSON.stringify({ ...stamp, ...fact })}\n`).join(''))
    },
    close: () => closeSync(file),
  }
}

/** Everything that was written, in the order of time; a line that a kill tore off is left out. */
export function readLedgers(folder: string): Entry[] {
  const files = readdirSync(folder)
    .filter((name) => name.endsWith('.jsonl'))
    .map((name) => readFileSync(join(folder, name), 'utf8').split('\n').flatMap(readLine))
  const lives = new Lives(files.flat())
  const entries = files.flatMap((file) => {
    // All of a file is of one process.
    const pid = lives.nameOf(file.at(-1)?.pid ?? 0, file.at(-1)?.at ?? 0)
    return file.map((entry): Entry => {
      if (!('target' in entry)) return { ...entry, pid }
      return { ...entry, pid, target: lives.nameOf(entry.target, entry.at) }
    })
  })
  // Stable: lines of one process and microsecond keep their order.
  return entries.sort((a, b) => a.at - b.at)
}

/** More than any number of a process. */
const beyondPids = 2 ** 23

/** Tells the processes that had the same number, one after the other, from each other. */
class Lives {
  readonly #spawned = new Map<number, number[]>()

  constructor(entries: readonly Entry[]) {
    for (const entry of entries) {
      if (entry.kind !== 'spawned') continue
      const times = this.#spawned.get(entry.target) ?? []
      times.push(entry.at)
      this.#spawned.set(entry.target, times)
    }
  }

  /** The number of a process for the first that had it; more for each later one. */
  nameOf(pid: number, at: number): number {
    const later = this.#spawned.get(pid)?.filter((time) => time <= at).length ?? 0
    return pid + Math.max(0, later - 1) * beyondPids
  }
}

function readLine(line: string): readonly Entry[] {
  if (line === '') return []
  try {
    return [JSON.parse(line) as Entry]
  } catch {
    return []
  }
}
