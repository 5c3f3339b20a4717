import { join } from 'node:path'
import type { TransportPlan } from './worker/worker-plan.ts'

/** What a run may want of its store. */
export interface StoreChoices {
  /** More for the transport: `maintenance: false`. */
  readonly transport?: Partial<TransportPlan['options']> | undefined
  /** Results in a store of their own: outcome and result are then two steps. */
  readonly splitResults?: boolean | undefined
}

/** A store under test: one column of the matrix. */
export interface Engine {
  readonly name: EngineName
  /** A new store for one run, in its folder. */
  plan(folder: string, choices: StoreChoices): TransportPlan
}

/** The engines that have rows. */
export type EngineName = 'sqlite'

/** By name. */
export const engines: Readonly<Record<EngineName, Engine>> = {
  sqlite: {
    name: 'sqlite',
    plan: (folder, { transport, splitResults }) => ({
      kind: 'sqlite',
      options: { file: join(folder, 'tasks.db'), ...transport },
      resultsFile: splitResults === true ? join(folder, 'results.db') : undefined,
    }),
  },
}
