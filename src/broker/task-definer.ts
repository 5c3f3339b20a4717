import type { Dependencies } from '../core/dependency.ts'
import type { ScheduleLine } from '../core/schedule-line.ts'
import type { ArgsOf, Checked, HandlerOf, ResultOf, TaskFaults } from './handler-shape.ts'
import type { DefinedTask } from './task.ts'
import type { Schema, TaskOptions } from './task-options.ts'

/** Defines tasks: one signature for all forms. */
export interface TaskDefiner {
  /**
   * Registers a handler under a name. With `deps` the handler gets them in its first object; with
   * `input` it gets the parsed object next; otherwise the positional arguments as called.
   *
   * Contradictions show as a fault in the result's type, and throw here too.
   *
   * @throws DefinitionError for a second task of one name, a wrong option, a bad schedule line.
   */
  task<
    F extends HandlerOf<D, S>,
    D extends Dependencies | undefined = undefined,
    S extends Schema | undefined = undefined,
    const P extends readonly string[] | undefined = undefined,
    const L extends readonly ScheduleLine[] | undefined = undefined,
  >(
    nameOrOptions: string | TaskOptions<D, S, P, L>,
    handler: F,
  ): Checked<
    TaskFaults<ArgsOf<D, S, F>, ResultOf<F>, S, P, L>,
    DefinedTask<ArgsOf<D, S, F>, ResultOf<F>, F>
  >
}
