import { InvalidInputError, StoreError } from '../../core/errors.ts'
import { logTo, type Logger } from '../../core/logger.ts'
import type { AnySendable } from './call-arguments.ts'

/** Which messages a fault is for: those of a task (or of its name), or the one with this id. */
export type FaultTarget = string | Pick<AnySendable, 'name'>

/**
 * Where a worker may vanish: with a message claimed, as its handler starts, as its handler sends a
 * message, with the handler done and nothing stored, with all stored and not told.
 */
export type KillStep = 'receive' | 'run' | 'send' | 'before-settle' | 'after-settle'

/** Which call of the store fails. */
export type StoreOperation = 'send' | 'receive' | 'settle' | 'extend'

/** Makes things go wrong, once each unless told otherwise. What is planned happens at the next occasion. */
export interface Faults {
  /**
   * A worker vanishes, as by a SIGKILL: nothing of it reaches the store any more, its leases end by the
   * clock, and a fresh worker takes its place at once. Without `at` it happens now, to the workers that
   * run `task` (to all when none is named). `nth` waits for the nth such step.
   */
  killWorker(options?: {
    at?: KillStep | undefined
    task?: FaultTarget | undefined
    nth?: number | undefined
  }): void
  /**
   * A lease ends while its holder works: of the message that is running now, or else of the next one as
   * its handler starts. The message is delivered again; what the first holder does is refused.
   */
  loseLease(target: FaultTarget): void
  /** The next message of a task is run to its end twice: the first end comes too late and is refused. */
  deliverTwice(target: FaultTarget): void
  /**
   * The store fails `times` times at an operation (for messages of `task`, or for all). With `answerLost`
   * it has done its work by then, and only the answer does not arrive.
   */
  failStore(options: {
    operation: StoreOperation
    task?: FaultTarget | undefined
    times?: number | undefined
    answerLost?: boolean | undefined
  }): void
  /** From now on messages that wait are handed out in an order by chance instead of the first first. */
  reorder(): void
  /** Takes back what has not happened yet. */
  clear(): void
  /** What was planned and has not happened yet. A fault that never happens proves nothing. */
  readonly pending: readonly string[]
}

/** A message that a fault may be for. */
export interface Subject {
  readonly id: string
  readonly task: string | undefined
}

/** A step at which faults may take place. */
export type Occasion =
  | `kill at ${KillStep}`
  | `fail ${StoreOperation}`
  | `lose the answer of ${StoreOperation}`
  | 'lose the lease'
  | 'deliver twice'

interface Plan {
  readonly occasion: Occasion
  readonly target: string | undefined
  skip: number
  times: number
}

/** What a {@link FaultPlan} can do to the workers that run now. */
export interface FaultActions {
  /** Kills the workers that hold these messages; all when no target is given. */
  kill(matches: ((subject: Subject) => boolean) | undefined): void
  /** Ends the leases of such messages that run now; false when none does. */
  loseLeases(matches: (subject: Subject) => boolean): boolean
  /** A planned fault takes place now. */
  onFault(what: string, subject: Subject | undefined): void
}

/** What the store fails with when a test makes it fail. */
class PlannedError extends StoreError {
  constructor(message: string) {
    super(message, { transient: true })
    this.name = StoreError.name
  }
}

/** A logger that says nothing of failures that a test has planned: they are in the journal. */
export function withoutPlanned(inner: Logger): Logger {
  return logTo((level, message, fields) => {
    if (!(fields['error'] instanceof PlannedError)) inner[level](message, fields)
  })
}

/** Keeps what is planned, and tells each layer when its turn has come. */
export class FaultPlan implements Faults {
  readonly #actions: FaultActions
  #plans: Plan[] = []
  #reordering = false

  constructor(actions: FaultActions) {
    this.#actions = actions
  }

  get pending(): readonly string[] {
    return this.#plans.map(({ occasion, target, times }) => {
      const of = target === undefined ? '' : ` of '${target}'`
      return `${occasion}${of}${times > 1 ? ` (${times} times)` : ''}`
    })
  }

  get reordering(): boolean {
    return this.#reordering
  }

  killWorker(options: Parameters<Faults['killWorker']>[0] = {}): void {
    const { at, task, nth = 1 } = options
    const target = task === undefined ? undefined : nameOf(task)
    if (at === undefined) {
      this.#actions.kill(target === undefined ? undefined : (subject) => matches(target, subject))
      return
    }
    this.#plan(`kill at ${at}`, { target, skip: whole(nth, 'nth') - 1 })
  }

  loseLease(task: FaultTarget): void {
    const target = nameOf(task)
    const found = this.#actions.loseLeases((subject) => matches(target, subject))
    if (!found) this.#plan('lose the lease', { target })
  }

  deliverTwice(target: FaultTarget): void {
    this.#plan('deliver twice', { target: nameOf(target) })
  }

  failStore(options: Parameters<Faults['failStore']>[0]): void {
    const { operation, task, times = 1, answerLost = false } = options
    const occasion = answerLost
      ? (`lose the answer of ${operation}` as const)
      : (`fail ${operation}` as const)
    const target = task === undefined ? undefined : nameOf(task)
    this.#plan(occasion, { target, times: times === Infinity ? times : whole(times, 'times') })
  }

  reorder(): void {
    this.#reordering = true
  }

  clear(): void {
    this.#plans = []
    this.#reordering = false
  }

  /** Whether something is planned for this occasion and one of these messages; it then counts as done. */
  takes(occasion: Occasion, subjects: readonly Subject[]): boolean {
    for (const plan of this.#plans) {
      if (plan.occasion !== occasion) continue
      const { target } = plan
      const subject = subjects.find((one) => target === undefined || matches(target, one))
      if (target !== undefined && subject === undefined) continue
      if (plan.skip > 0) {
        plan.skip--
        continue
      }
      plan.times--
      if (plan.times <= 0) this.#plans = this.#plans.filter((other) => other !== plan)
      this.#actions.onFault(occasion, subject)
      return true
    }
    return false
  }

  /** The error of a planned failure of this call; `undefined` when none is planned. */
  failure(
    operation: StoreOperation,
    subjects: readonly Subject[],
    when: 'before' | 'after',
  ): StoreError | undefined {
    if (when === 'before') {
      const fails = this.takes(`fail ${operation}`, subjects)
      return fails ? new PlannedError(`the test made '${operation}' of the store fail`) : undefined
    }
    const lost = this.takes(`lose the answer of ${operation}`, subjects)
    return lost ? new PlannedError(`the test lost the answer of '${operation}'`) : undefined
  }

  #plan(
    occasion: Occasion,
    { target, skip = 0, times = 1 }: { target: string | undefined; skip?: number; times?: number },
  ): void {
    this.#plans.push({ occasion, target, skip, times })
  }
}

function nameOf(target: FaultTarget): string {
  return typeof target === 'string' ? target : target.name
}

function matches(target: string, { id, task }: Subject): boolean {
  return target === task || target === id
}

function whole(value: number, what: string): number {
  if (Number.isSafeInteger(value) && value >= 1) return value
  throw new InvalidInputError(`${what} is a whole number of 1 or more, not ${String(value)}.`)
}
