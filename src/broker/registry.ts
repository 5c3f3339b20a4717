import type { Dependencies } from '../core/dependency.ts'
import { DefinitionError } from '../core/errors.ts'
import type { Labels } from '../core/labels.ts'
import type { RetryOptions } from '../core/retry.ts'
import type { ScheduleLine } from '../core/schedule-line.ts'
import type { ClaimCheckPolicy } from './claim-check.ts'
import type { ExpiryPolicy } from './expiry.ts'
import type { GatePolicy, RatePolicy } from './gate-options.ts'
import type { Schema } from './task-options.ts'
import type { UniquePolicy } from './unique-options.ts'

/** A handler whose types have been checked at definition and are not known any more. */
export type AnyHandler = (...args: unknown[]) => unknown

/** A task as the broker knows it, every option read. */
export interface RegisteredTask {
  readonly name: string
  /** Other names under which it is found. */
  readonly aliases: readonly string[]
  /** `undefined` for a remote task: it can be sent, not run. */
  readonly handler: AnyHandler | undefined
  readonly deps: Dependencies | undefined
  readonly input: Schema | undefined
  /** Parses the value on the caller's side (remote tasks). */
  readonly output: Schema | undefined
  readonly params: readonly string[] | undefined
  readonly queue: string | undefined
  /** Milliseconds. */
  readonly timeout: number | undefined
  /** Milliseconds. */
  readonly grace: number | undefined
  readonly retry: RetryOptions | false | undefined
  readonly labels: Labels
  readonly priority: number | undefined
  readonly result: false | { readonly expiresIn: number | undefined } | undefined
  readonly claimCheck: ClaimCheckPolicy | false | undefined
  readonly unique: UniquePolicy | undefined
  readonly rate: RatePolicy | undefined
  readonly expires: ExpiryPolicy | undefined
  readonly gates: readonly GatePolicy[] | undefined
  readonly isolate: 'thread' | 'process' | undefined
  /** Recurring plans, for a label source to read. */
  readonly schedule: readonly ScheduleLine[]
  /** `file:line` of the definition, for messages; the file is what an isolated run loads. */
  readonly definedAt: { readonly file: string; readonly line: number } | undefined
}

/** The tasks of a broker by name and alias. A Map: names come from data and must not reach an object's prototype. */
export class TaskRegistry {
  readonly #tasks = new Map<string, RegisteredTask>()

  /** The very same task again changes nothing. @throws DefinitionError when the name is another's. */
  add(task: RegisteredTask): void {
    this.check(task)
    for (const name of [task.name, ...task.aliases]) this.#tasks.set(name, task)
  }

  /** @throws DefinitionError when {@link add} would. */
  check(task: RegisteredTask): void {
    if (task.name.startsWith('taskwright.')) {
      throw new DefinitionError(
        `task '${task.name}'${at(task)} needs another name: those that begin with 'taskwright.' are the package's own.`,
      )
    }
    for (const name of [task.name, ...task.aliases]) {
      const known = this.#tasks.get(name)
      if (known === undefined || known === task) continue
      throw new DefinitionError(
        `a task named '${name}' is already defined${at(known)}; this one${at(task)} needs another name.`,
      )
    }
  }

  get(name: string): RegisteredTask | undefined {
    return this.#tasks.get(name)
  }

  /** All tasks, each once, in the order of their definition. */
  all(): readonly RegisteredTask[] {
    return [...new Set(this.#tasks.values())]
  }
}

function at(task: RegisteredTask): string {
  return task.definedAt === undefined ? '' : ` (${task.definedAt.file}:${task.definedAt.line})`
}
