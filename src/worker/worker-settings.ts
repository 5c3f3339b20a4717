import type { ShareRule } from './queue-shares.ts'
import type { ForeignFirePolicy } from './foreign-fires.ts'
import type { UnknownTaskPolicy } from './worker-options.ts'

/** `WorkerOptions` with every choice made. */
export interface WorkerSettings {
  readonly concurrency: number
  readonly prefetch: number
  readonly queues: readonly string[]
  /** How room is shared among them; absent: equally, in turns. */
  readonly shares: ShareRule | undefined
  readonly ack: 'early' | 'late'
  readonly lease: number
  readonly redeliveries: number
  readonly unknownTask: UnknownTaskPolicy
  readonly foreignFires: ForeignFirePolicy
  readonly stallLimit: number
  readonly grace: number
  readonly shutdownTimeout: number
  readonly maxTasks: number
  readonly sweepWorkflows: boolean
  readonly name: string
}
