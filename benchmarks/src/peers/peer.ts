import type { StoreUse } from '../engine.ts'
import type { Subject } from '../subject.ts'

/** Another library, measured on the engine that it shares with ours. */
export interface Peer {
  readonly name: string
  /** The engine beside which it is shown. */
  readonly engine: string
  readonly settings: string
  /** What is not measured, and why. */
  readonly missing: string
  /** Scenarios that it can take part in. */
  readonly scenarios: readonly string[]
  /** The most tasks of one run, where more would only take longer: a rate is a rate. */
  readonly most?: number
  /** Whether it can keep results. */
  readonly keepsResults?: boolean
  /** Of one that would take minutes: so much of the others' work, in so many rounds. Its rates say the same. */
  readonly slow?: { readonly share: number; readonly rounds: number }
  open(place: string, use: StoreUse): Promise<Subject>
}
