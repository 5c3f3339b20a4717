import type { TransportCapabilities } from '../../core/transport.ts'
import type { OpenTransport } from '../../core/vendor.ts'

/**
 * What a transport's author provides to run `transportBehaviours`: a fresh one for each
 * behaviour, with a store of its own or at least with queues and ids that nobody else uses. Whoever
 * runs the behaviours stops all instances that were made, also after a failure.
 */
export interface TransportHarness {
  readonly capabilities: TransportCapabilities
  /** The name of a queue that holds nothing. Names that begin with it are free too. */
  readonly queue: string
  /**
   * Milliseconds of a short lease: at least as many as the engine needs to work exactly with, and
   * on real time many enough that a slow machine does not end it by accident (300, say).
   */
  readonly lease: number
  /**
   * Whether `advance` moves a virtual clock exactly. Only then do behaviours look just before
   * a moment as well.
   */
  readonly exactTime: boolean
  /** A new instance on the harness's one store, not started: as another process would make it. */
  readonly create: () => OpenTransport
  /** The same with its transport and its results started. */
  readonly open: () => Promise<OpenTransport>
  /** Lets at least so many milliseconds pass for the engine, by a virtual clock or by waiting. */
  readonly advance: (ms: number) => Promise<void>
  /** The engine's time. */
  readonly now: () => number
  /** An id that nobody has used. */
  readonly id: () => string
}

/** One promise of the contract, as a test that fails when it is broken. */
export interface TransportBehaviour {
  /** A sentence, after the topic. */
  readonly name: string
  /** The capability without which it does not apply. */
  readonly needs?: keyof TransportCapabilities | undefined
  readonly run: (harness: TransportHarness) => Promise<void>
}
