import type { TaskContext } from '../../core/context.ts'
import { UnsupportedError } from '../../core/errors.ts'

/** The parts of a context that need a step of a workflow, where there is none. */
export function outsideWorkflow(why: string): Pick<TaskContext, 'expand' | 'replace' | 'inputs'> {
  const refuse = (what: string): never => {
    throw new UnsupportedError(`${what}: ${why}.`)
  }
  return {
    expand: () => refuse('ctx.expand'),
    replace: () => refuse('ctx.replace'),
    inputs: () => refuse('ctx.inputs'),
  }
}
