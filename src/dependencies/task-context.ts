import type { TaskContext as TaskContextType } from '../core/context.ts'
import type { Dependency } from '../core/dependency.ts'
import { defineDependency } from './definition.ts'

/** What a handler (or a dependency of it) may know and do about the run that it belongs to. */
export type TaskContext = TaskContextType

/**
 * The context of the running task, as a dependency: `deps: { ctx: TaskContext }`. Every task sees
 * its own, also in dependencies of dependencies. Outside a task there is none: resolving it there
 * is a `DependencyError`, and a dependency of scope `'process'` that needs it a `DefinitionError`.
 */
export const TaskContext: Dependency<TaskContextType> = defineDependency('TaskContext', {
  kind: 'context',
})
