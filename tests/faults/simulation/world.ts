import type { Clock, Timer } from '../../../src/core/clock.ts'

interface Planned {
  readonly at: number
  readonly no: number
  readonly run: () => void
  cancelled: boolean
}

/**
 * Time for a whole simulated machine: it stands still while anything can be done at this moment, and
 * then jumps to the next timer. One timer is one step, and everything that follows from it has happened
 * before the next.
 */
export class World {
  /** Milliseconds since the beginning. */
  elapsed = 0
  /** How far the machine's clock has been set. */
  wall: number = Date.UTC(2030, 0, 1)
  steps = 0
  readonly #heap: Planned[] = []
  #last = 0

  /** Calls `run` after `ms`. */
  after(ms: number, run: () => void): Timer {
    const planned: Planned = {
      at: this.elapsed + Math.max(0, ms),
      no: this.#last++,
      run,
      cancelled: false,
    }
    this.#push(planned)
    return { cancel: () => void (planned.cancelled = true) }
  }

  /** Runs the next timer; false when there is none. */
  async step(): Promise<boolean> {
    let next = this.#pop()
    while (next?.cancelled === true) next = this.#pop()
    if (next === undefined) return false
    this.elapsed = Math.max(this.elapsed, next.at)
    this.steps++
    next.run()
    await settled()
    return true
  }

  #push(planned: Planned): void {
    const heap = this.#heap
    let i = heap.push(planned) - 1
    while (i > 0) {
      const up = (i - 1) >> 1
      const parent = heap[up]
      if (parent === undefined || !before(planned, parent)) break
      heap[i] = parent
      i = up
    }
    heap[i] = planned
  }

  #pop(): Planned | undefined {
    const heap = this.#heap
    const first = heap[0]
    const last = heap.pop()
    if (first === undefined || last === undefined || heap.length === 0) return first
    let i = 0
    for (;;) {
      const left = heap[2 * i + 1]
      const right = heap[2 * i + 2]
      if (left === undefined) break
      const down = right !== undefined && before(right, left) ? 2 * i + 2 : 2 * i + 1
      const child = heap[down]
      if (child === undefined || !before(child, last)) break
      heap[i] = child
      i = down
    }
    heap[i] = last
    return first
  }
}

const before = (a: Planned, b: Planned): boolean => a.at < b.at || (a.at === b.at && a.no < b.no)

/** Resolves when no promise chain has anything more to do: a macrotask comes after all microtasks. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** The clock of one simulated process: it stops with it, and stands still while it is frozen. */
export class ProcessClock implements Clock {
  readonly virtual = true
  readonly #world: World
  #dead = false
  #frozenUntil = 0

  constructor(world: World) {
    this.#world = world
  }

  get dead(): boolean {
    return this.#dead
  }

  now(): number {
    return this.#world.wall + this.#world.elapsed
  }

  monotonic(): number {
    return this.#world.elapsed
  }

  after(ms: number, run: () => void): Timer {
    let timer = this.#world.after(ms, () => fire())
    const fire = (): void => {
      if (this.#dead) return
      const rest = this.#frozenUntil - this.#world.elapsed
      if (rest > 0) timer = this.#world.after(rest, fire)
      else run()
    }
    return { cancel: () => timer.cancel() }
  }

  /** Nothing of this process happens any more. */
  die(): void {
    this.#dead = true
  }

  /** Nothing of this process happens for so long. */
  freeze(ms: number): void {
    this.#frozenUntil = Math.max(this.#frozenUntil, this.#world.elapsed + ms)
  }
}
