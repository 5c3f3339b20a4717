import type { Execution, Middleware } from '../core/middleware.ts'

/**
 * Takes a run through the onion; `innermost` makes the dependencies and runs the handler.
 *
 * @throws Error, as the failure of this run, when a hook breaks its contract: `next` twice would run the
 * task twice, and no `next` at all would have it succeed without having run.
 */
export async function throughExecuteHooks(
  execution: Execution,
  hooks: readonly Middleware[],
  innermost: () => Promise<unknown>,
): Promise<unknown> {
  const at = async (index: number): Promise<unknown> => {
    const hook = hooks[index]
    if (hook?.execute === undefined) return innermost()
    let called = false
    const value = await hook.execute(execution, async () => {
      if (called) throw new Error(`middleware '${hook.name ?? index}' called next twice.`)
      called = true
      return at(index + 1)
    })
    if (called) return value
    throw new Error(
      `middleware '${hook.name ?? index}' answered without calling next: the task did not run.`,
    )
  }
  return at(0)
}
