import { join } from 'node:path'
import type { Setting } from './stage.ts'
import type { TransportPlan } from './worker/worker-plan.ts'

/** A store under test: one column of the matrix. */
export interface Engine {
  readonly name: EngineName
  /** A new store for one run, in its folder. */
  plan(folder: string, setting: Pick<Setting, 'transport' | 'splitResults'>): TransportPlan
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
