/**
 * Short texts that one thread writes down and strikes out and another one reads, in memory that both
 * have: no message crosses for them, and what was written is there even when the writer's event loop is
 * blocked right after it.
 *
 * Each slot has a number that is odd while the slot is being written. A reader takes what he read only
 * when the number was even and has not changed meanwhile; a slot that changes under him is news of this
 * very moment, and he may leave it out.
 */

/** The most bytes of a text; they are ASCII. */
export const longestText = 191
/** A length, then the text. */
const slotSize = longestText + 1
const firstSlots = 256

/** What crosses to the reader, once. */
export interface LedgerMemory {
  readonly texts: SharedArrayBuffer
  readonly numbers: SharedArrayBuffer
}

/** The writer's side. */
export class SharedLedger {
  #memory: LedgerMemory
  #texts: Buffer
  #numbers: Int32Array
  #free: number[]
  readonly #onGrown: (memory: LedgerMemory) => void

  /** `onGrown` is told of the memory that takes the place of one that was full. */
  constructor(onGrown: (memory: LedgerMemory) => void) {
    this.#onGrown = onGrown
    this.#memory = memoryFor(firstSlots)
    this.#texts = Buffer.from(this.#memory.texts)
    this.#numbers = new Int32Array(this.#memory.numbers)
    this.#free = slotsFrom(0, firstSlots)
  }

  get memory(): LedgerMemory {
    return this.#memory
  }

  /** Writes a text of at most {@link longestText} ASCII characters down; where it stands. */
  write(text: string): number {
    const slot = this.#free.pop() ?? this.#grow()
    const at = slot * slotSize
    Atomics.add(this.#numbers, slot, 1)
    this.#texts[at] = this.#texts.write(text, at + 1, longestText, 'latin1')
    Atomics.add(this.#numbers, slot, 1)
    return slot
  }

  /** Strikes out what stands there. */
  strike(slot: number): void {
    Atomics.add(this.#numbers, slot, 1)
    this.#texts[slot * slotSize] = 0
    Atomics.add(this.#numbers, slot, 1)
    this.#free.push(slot)
  }

  #grow(): number {
    const slots = this.#numbers.length
    const memory = memoryFor(slots * 2)
    const texts = Buffer.from(memory.texts)
    texts.set(this.#texts)
    this.#memory = memory
    this.#texts = texts
    this.#numbers = new Int32Array(memory.numbers)
    this.#free = slotsFrom(slots + 1, slots * 2)
    this.#onGrown(memory)
    return slots
  }
}

/** All texts that stand there now. */
export function readLedger({ texts, numbers }: LedgerMemory): string[] {
  const bytes = Buffer.from(texts)
  const counts = new Int32Array(numbers)
  const found: string[] = []
  for (let slot = 0; slot < counts.length; slot++) {
    const number = Atomics.load(counts, slot)
    const at = slot * slotSize
    const length = bytes[at] ?? 0
    if (number % 2 !== 0 || length === 0) continue
    const text = bytes.toString('latin1', at + 1, at + 1 + length)
    if (Atomics.load(counts, slot) === number) found.push(text)
  }
  return found
}

function memoryFor(slots: number): LedgerMemory {
  return {
    texts: new SharedArrayBuffer(slots * slotSize),
    numbers: new SharedArrayBuffer(slots * Int32Array.BYTES_PER_ELEMENT),
  }
}

/** Free ones, the lowest on top. */
function slotsFrom(first: number, end: number): number[] {
  return Array.from({ length: end - first }, (_, i) => end - 1 - i)
}
