import { droppedReason, isKept, supersededReason, type Gate } from '../core/gate.ts'
import type { MemoryMessage } from './memory-message.ts'

interface OpenGate {
  /** How many have passed and not ended. */
  held: number
  /** Set at run time. */
  limit: number | undefined
  /** Those that wait, in the order in which they pass. */
  readonly line: MemoryMessage[]
  /** Those that have passed a gate that cancels, the oldest first, but for those cancelled by it. */
  readonly holders: Set<MemoryMessage>
}

/** Cancels a message; it goes on to whoever claims it next, or its holder is told. */
export type CancelMessage = (message: MemoryMessage, reason: string) => void

const none: MemoryMessage[] = []

/**
 * The gates of a {@link MemoryStore}: who has passed which, and who waits. A message has passed the first
 * `passed` of its gates; where that is not all of them and it is not scheduled, it stands in the line of
 * the next one.
 */
export class MemoryGates {
  readonly #gates = new Map<string, OpenGate>()
  readonly #cancel: CancelMessage

  constructor(cancel: CancelMessage) {
    this.#cancel = cancel
  }

  /**
   * Takes a message through its gates as far as it comes; whether it goes to its queue: because it has
   * passed all, or because it was dropped, which whoever claims it is told.
   */
  pass(message: MemoryMessage): boolean {
    const { gates } = message
    if (gates === undefined) return true
    for (let gate = gates[message.passed]; gate !== undefined; gate = gates[message.passed]) {
      const open = this.#open(gate.key)
      const limit = open.limit ?? gate.limit
      if (open.held >= limit) {
        if (gate.full === 'drop') {
          message.cancelled ??= droppedReason(gate.key)
          return true
        }
        if (gate.full === 'cancel') this.#makePlace(open, message, { key: gate.key, limit })
        enqueue(open.line, message)
        return false
      }
      this.#take(open, gate, message)
    }
    return true
  }

  /**
   * A message ends, or waits for its retry: it gives back what it has passed, but for what is kept over a
   * retry. Returns those that have passed all of their gates by that.
   */
  leave(message: MemoryMessage, retries: boolean): MemoryMessage[] {
    const { gates } = message
    if (gates === undefined) return none
    const kept = retries ? gates.filter(isKept).length : 0
    this.forsake(message)
    const left = gates.slice(kept, message.passed)
    message.passed = Math.min(kept, message.passed)
    for (const { key } of left) {
      const open = this.#open(key)
      open.held--
      open.holders.delete(message)
    }
    // The last first: who waited there goes before those who only now come to it.
    return left.reverse().flatMap(({ key }) => this.#wake(key))
  }

  /** It does not wait any more, but is held, or ends. What it has passed it keeps. */
  forsake(message: MemoryMessage): void {
    const waits = message.gates?.[message.passed]
    if (waits !== undefined) drop(this.#open(waits.key).line, message)
  }

  /** Sets the limit of a key; those that pass all of their gates by that. */
  configure(key: string, limit: number | null): MemoryMessage[] {
    this.#open(key).limit = limit ?? undefined
    return this.#wake(key)
  }

  #wake(key: string): MemoryMessage[] {
    const open = this.#open(key)
    const through: MemoryMessage[] = []
    for (let first = open.line[0]; first !== undefined; first = open.line[0]) {
      const limit = open.limit ?? first.gates?.[first.passed]?.limit ?? 1
      if (open.held >= limit) break
      open.line.shift()
      this.#take(open, first.gates?.[first.passed], first)
      if (this.pass(first)) through.push(first)
    }
    if (open.held === 0 && open.line.length === 0 && open.limit === undefined)
      this.#gates.delete(key)
    return through
  }

  #take(open: OpenGate, gate: Gate | undefined, message: MemoryMessage): void {
    open.held++
    message.passed++
    if (gate?.full === 'cancel') open.holders.add(message)
  }

  /** Cancels the oldest, until no more are left than may pass with the one that comes. */
  #makePlace(
    open: OpenGate,
    message: MemoryMessage,
    { key, limit }: { key: string; limit: number },
  ): void {
    const reason = supersededReason(key, message.id)
    while (open.holders.size + open.line.length >= limit) {
      const [oldest = open.line[0]] = open.holders
      if (oldest === undefined) return
      if (!open.holders.delete(oldest)) drop(open.line, oldest)
      this.#cancel(oldest, reason)
    }
  }

  #open(key: string): OpenGate {
    let open = this.#gates.get(key)
    if (open === undefined) {
      open = { held: 0, limit: undefined, line: [], holders: new Set() }
      this.#gates.set(key, open)
    }
    return open
  }
}

/**
 * By priority, and at the first gate of a message by its place, at a later one as it comes; where the
 * order is kept by place alone; where the oldest is cancelled as they come. Most come last.
 */
function enqueue(line: MemoryMessage[], message: MemoryMessage): void {
  const gate = message.gates?.[message.passed]
  if (gate?.full === 'cancel') return void line.push(message)
  const ordered = gate?.keep === true
  const byPlace = ordered || message.passed === 0
  let at = line.length
  for (let before = line[at - 1]; before !== undefined; before = line[--at - 1]) {
    const equal = ordered || before.priority === message.priority
    const stays = equal ? !byPlace || before.seq < message.seq : before.priority > message.priority
    if (stays) break
  }
  line.splice(at, 0, message)
}

function drop(line: MemoryMessage[], message: MemoryMessage): void {
  const place = line.indexOf(message)
  if (place >= 0) line.splice(place, 1)
}
