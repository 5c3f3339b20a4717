import type { BrokerRuntime, RuntimeHome } from '../../broker/runtime.ts'

/** Another runtime under the tasks of a broker. */
export interface Redirection {
  /** The homes, for the other runtime. What joins them later is redirected too. */
  readonly homes: RuntimeHome[]
  /** Sends through `runtime` from now on. */
  redirect(runtime: BrokerRuntime): void
  undo(): void
}

/** Prepares to put another runtime under all tasks of a broker, also under sets that it takes in later. */
export function redirectHomes(real: RuntimeHome[]): Redirection {
  const undo: (() => void)[] = []
  let target: BrokerRuntime | undefined
  const homes = [...real]
  homes.push = (...more) => {
    real.push(...more)
    if (target !== undefined) for (const home of more) undo.push(home.redirect(target))
    return Array.prototype.push.apply(homes, more)
  }
  return {
    homes,
    redirect(runtime) {
      target = runtime
      for (const home of homes) undo.push(home.redirect(runtime))
    },
    undo() {
      target = undefined
      for (const back of undo.splice(0)) back()
    },
  }
}
