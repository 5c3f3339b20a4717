import { join } from 'node:path'
import { RedisStage, type RedisChoices } from './redis-stage.ts'
import type { SqlitePlan, TransportPlan } from './worker/worker-plan.ts'

/** What a run may want of its store. */
export interface StoreChoices {
  /** More for the transport: `maintenance: false`. */
  readonly transport?: Partial<SqlitePlan['options']> | undefined
  /** Results in a store of their own: outcome and result are then two steps. */
  readonly splitResults?: boolean | undefined
  /** The server, where there is one. */
  readonly redis?: RedisChoices | undefined
}

/** A store of one run. */
export interface OpenStore {
  /** As worker process `no` reaches it; without a number: the producer, who is the judge, too. */
  plan(no?: number): TransportPlan
  /** The server, where there is one. */
  readonly redis?: RedisStage | undefined
  close(): Promise<void>
}

/** A store under test: one column of the matrix. */
export interface Engine {
  readonly name: EngineName
  /** A new store for one run, in its folder. */
  open(folder: string, choices: StoreChoices): Promise<OpenStore>
}

/** The engines that have rows. */
export type EngineName = 'sqlite' | 'redis'

/** By name. */
export const engines: Readonly<Record<EngineName, Engine>> = {
  sqlite: {
    name: 'sqlite',
    async open(folder, { transport, splitResults }) {
      const plan: SqlitePlan = {
        kind: 'sqlite',
        options: { file: join(folder, 'tasks.db'), ...transport },
        resultsFile: splitResults === true ? join(folder, 'results.db') : undefined,
      }
      return { plan: () => plan, close: async () => {} }
    },
  },
  redis: {
    name: 'redis',
    async open(_folder, { redis: choices, splitResults = false }) {
      const redis = await RedisStage.open(choices)
      return {
        plan: (no) => ({ kind: 'redis', url: redis.url(no), splitResults, wait: choices?.wait }),
        redis,
        close: () => redis.close(),
      }
    },
  },
}
