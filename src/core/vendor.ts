import type { Clock } from './clock.ts'
import type { ControlChannel } from './control-channel.ts'
import type { Locks } from './locks.ts'
import type { FireLedger } from './fire-ledger.ts'
import type { Logger } from './logger.ts'
import type { Body } from './message.ts'
import type { Random } from './random.ts'
import type { Rates } from './rates.ts'
import type { ResultBackend } from './result-backend.ts'
import type { Inspector } from './inspector.ts'
import type { ScheduleSource } from './schedule-source.ts'
import type { Transport, UserTransactions } from './transport.ts'
import type { WorkflowStore } from './workflow-store.ts'

/** What the broker hands to a vendor when it starts: time, chance and a place for log lines. */
export interface Surroundings {
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  /**
   * The id in a message's bytes, read by the broker's codec, for stores in which others write messages;
   * `undefined` where the bytes are no message. Absent: nobody can tell.
   */
  readonly idOf?: ((body: Body) => string | undefined) | undefined
}

/**
 * A vendor's offer before it is bound to a broker: what `sqliteTransport({ file })` returns. The
 * broker calls it once with its surroundings. Nothing is opened by making or binding it.
 */
export interface TransportFactory {
  readonly kind: 'transport'
  readonly name: string
  /** Where the store is, for people: a path, a host; never a secret. */
  readonly where?: string | undefined
  /** The queue of messages that name none, where the user chose no other. Absent: `default`. */
  readonly queue?: string | undefined
  create(surroundings: Surroundings): OpenTransport
}

/** A bound transport with the optional contracts that its engine implements. */
export interface OpenTransport {
  readonly transport: Transport
  /** A result backend on the same store, which the broker takes when the user names no other. */
  readonly results: ResultBackend
  readonly inspector?: Inspector | undefined
  /** Present where `capabilities.workflows` is true. */
  readonly workflows?: WorkflowStore | undefined
  /** Present where `capabilities.locks` is true. */
  readonly locks?: Locks | undefined
  /** Present where `capabilities.control` is true. */
  readonly control?: ControlChannel | undefined
  /** Present where `capabilities.rates` is true. */
  readonly rates?: Rates | undefined
  readonly transactions?: UserTransactions | undefined
  /** Which slots of plans have been decided. Present where `capabilities.schedules` is true. */
  readonly ledger?: FireLedger | undefined
  /** Plans kept in the same store. */
  readonly plans?: ScheduleSource | undefined
}

/** A result backend before it is bound to a broker. */
export interface ResultBackendFactory {
  readonly kind: 'results'
  readonly name: string
  create(surroundings: Surroundings): ResultBackend
}
