import { InvalidInputError } from '../../core/errors.ts'
import { systemRandom, type Random } from '../../core/random.ts'
import { eventLoopTurn } from './event-loop-turn.ts'

/** Decides who goes on next. */
export interface Schedule {
  /** How many wait to go on. */
  readonly pending: number
  /** Resolves when it is the caller's turn. */
  turn(): Promise<void>
  /** A whole number from 0 to below `below`. */
  draw(below: number): number
  /** Lets all go on, from now on at once. */
  open(): void
}

/** The schedule of a run in which nobody waits for anybody. */
export function directSchedule(random: Random): Schedule {
  return {
    pending: 0,
    turn: () => Promise.resolve(),
    draw: (below) => Math.floor(random.next() * below),
    open: () => {},
  }
}

/**
 * Interleaves by chance: whoever asks for a turn waits until nothing else can go on by itself, then
 * one or several of those that wait are drawn and go on together, in an order that is drawn too.
 *
 * One at a time finds what goes wrong between two steps; several together find what goes wrong
 * within the promise chains of handlers that start at once. All draws come from one seed, so the
 * same seed gives the same order, as long as nothing waits for real time or real I/O.
 */
export class SeededSchedule implements Schedule {
  readonly #random: Random
  readonly #waiting: (() => void)[] = []
  #running = false
  #open = false

  constructor(random: Random) {
    this.#random = random
  }

  get pending(): number {
    return this.#waiting.length
  }

  turn(): Promise<void> {
    if (this.#open) return Promise.resolve()
    return new Promise((resolve) => {
      this.#waiting.push(resolve)
      if (!this.#running) void this.#run()
    })
  }

  draw(below: number): number {
    return Math.floor(this.#random.next() * below)
  }

  open(): void {
    this.#open = true
    for (const resolve of this.#waiting.splice(0)) resolve()
  }

  async #run(): Promise<void> {
    this.#running = true
    while (this.#waiting.length > 0) {
      await eventLoopTurn()
      const together = this.draw(2) === 0 ? 1 : 1 + this.draw(this.#waiting.length)
      for (let i = 0; i < together; i++) {
        const [resolve] = this.#waiting.splice(this.draw(this.#waiting.length), 1)
        resolve?.()
      }
    }
    this.#running = false
  }
}

/** The environment variable that replays a run. */
export const seedVariable = 'TASKWRIGHT_SEED'

/** The seed that the environment names; `undefined` when it names none. @throws InvalidInputError */
export function seedOfEnvironment(): number | undefined {
  const text = process.env[seedVariable]?.trim() ?? ''
  return text === '' ? undefined : checkSeed(Number(text), `${seedVariable}='${text}'`)
}

/** A seed by chance. */
export function freshSeed(): number {
  return Math.floor(systemRandom.next() * 2 ** 32)
}

/** @throws InvalidInputError when it is not a whole number from 0 to 2³² - 1. */
export function checkSeed(seed: number, said: string = String(seed)): number {
  if (Number.isInteger(seed) && seed >= 0 && seed < 2 ** 32) return seed
  throw new InvalidInputError(`a seed is a whole number from 0 to 4294967295, not ${said}.`)
}
