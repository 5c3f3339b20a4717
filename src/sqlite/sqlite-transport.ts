import type { Claim, Delivery, LeaseToken } from '../core/delivery.ts'
import { InvalidInputError, NotStartedError } from '../core/errors.ts'
import type { Envelope } from '../core/message.ts'
import type { Settlement, SettleStatus } from '../core/settlement.ts'
import type { StoreIdentity } from '../core/store.ts'
import type {
  CancelAnswer,
  ExtendReport,
  LeaseKeeper,
  LeaseKeeperOptions,
  QueueSettings,
  ReceiveRequest,
  SendStatus,
  Transport,
} from '../core/transport.ts'
import type { TransportFactory } from '../core/vendor.ts'
import { sqliteCapabilities } from './sqlite-capabilities.ts'
import { keepLeases } from './lease-keeping.ts'
import { checkEnvelope } from './send.ts'
import { checkSettlement } from './settle.ts'
import { SqliteControl } from './sqlite-control.ts'
import { SqliteInspector } from './sqlite-inspector.ts'
import { SqliteLocks } from './sqlite-locks.ts'
import { SqliteRates } from './sqlite-rates.ts'
import { SqliteLedger } from './sqlite-ledger.ts'
import { SqliteScheduleSource } from './sqlite-plans.ts'
import type { SqliteOptions } from './sqlite-options.ts'
import { SqliteResults } from './sqlite-result-backend.ts'
import { SqliteStore } from './sqlite-store.ts'
import { SqliteWorkflowStore } from './sqlite-workflow-store.ts'
import { SqliteTransactions } from './user-transactions.ts'

/** Milliseconds between two looks into the store, whatever was or was not heard. */
const poll = 1000

/**
 * Keeps messages, dead letters and results in a SQLite file that any number of processes of one
 * machine share. Nothing is opened, and no SQLite library loaded, before `start()`.
 *
 * @example
 * ```ts
 * import { createBroker } from 'taskwright'
 * import { sqliteTransport } from 'taskwright/sqlite'
 *
 * export const broker = createBroker({ transport: sqliteTransport({ file: './tasks.db' }) })
 * ```
 */
export function sqliteTransport(options: SqliteOptions): TransportFactory {
  checkOptions(options)
  return {
    kind: 'transport',
    name: 'sqlite',
    where: options.file,
    create(around) {
      const store = new SqliteStore(options, around)
      return {
        transport: new SqliteTransport(store),
        results: new SqliteResults(store),
        inspector: new SqliteInspector(store),
        locks: new SqliteLocks(store),
        rates: new SqliteRates(store),
        control: new SqliteControl(store),
        workflows: new SqliteWorkflowStore(store),
        ledger: new SqliteLedger(store),
        plans: new SqliteScheduleSource(() => store),
        transactions: new SqliteTransactions(store),
      }
    },
  }
}

/** @throws InvalidInputError */
export function checkOptions({ file, synchronous }: SqliteOptions): void {
  if (typeof file !== 'string' || file === '' || file.startsWith(':memory:')) {
    throw new InvalidInputError(
      "`file` is the path of a database file. For a queue that lives in memory use memoryTransport() of 'taskwright/memory'.",
    )
  }
  if (synchronous !== undefined && synchronous !== 'normal' && synchronous !== 'full') {
    throw new InvalidInputError("`synchronous` is 'normal' or 'full'.")
  }
}

/** The transport on an opened store. */
class SqliteTransport implements Transport {
  readonly name = 'sqlite'
  readonly capabilities = sqliteCapabilities
  readonly #store: SqliteStore
  readonly #keepers = new Set<LeaseKeeper>()
  #stopping = new AbortController()
  #started = false

  constructor(store: SqliteStore) {
    this.#store = store
  }

  get store(): StoreIdentity {
    return this.#store.identity
  }

  async start(): Promise<void> {
    await this.#store.open(this)
    if (this.#started) return
    this.#started = true
    this.#stopping = new AbortController()
  }

  async stop(): Promise<void> {
    this.#started = false
    this.#stopping.abort()
    await Promise.all([...this.#keepers].map((keeper) => keeper.stop()))
    this.#keepers.clear()
    await this.#store.close(this)
  }

  async send(envelopes: readonly Envelope[]): Promise<readonly SendStatus[]> {
    this.#checkStarted()
    for (const envelope of envelopes) checkEnvelope(envelope)
    return envelopes.length === 0 ? [] : this.#store.call('send', envelopes)
  }

  async receive(request: ReceiveRequest): Promise<readonly Delivery[]> {
    this.#checkStarted()
    const {
      queues,
      room,
      lease,
      signal,
      wait = Infinity,
      early = false,
      suspects = Infinity,
      shares,
    } = request
    if (!(room >= 1)) throw new InvalidInputError(`room is a number of 1 or more, not ${room}.`)
    const { clock } = this.#store.around
    const stopping = this.#stopping.signal
    const deadline = clock.monotonic() + wait
    if (wait > 0) this.#store.listen('work')
    for (;;) {
      if (signal.aborted || stopping.aborted) return []
      const stamp = this.#store.work.stamp
      const { deliveries, next } = await this.#store.call('claim', {
        queues,
        room,
        lease,
        early,
        suspects,
        shares,
      })
      const left = deadline - clock.monotonic()
      if (deliveries.length > 0 || left <= 0) return deliveries
      const due = next === null ? Infinity : next - clock.now()
      await this.#pause(stamp, Math.min(poll, due, left), [signal, stopping])
    }
  }

  async settle(settlements: readonly Settlement[]): Promise<readonly SettleStatus[]> {
    this.#checkStarted()
    for (const settlement of settlements) checkSettlement(settlement)
    return settlements.length === 0 ? [] : this.#store.call('settle', settlements)
  }

  async extend(claims: readonly Claim[], lease: number): Promise<ExtendReport> {
    this.#checkStarted()
    return claims.length === 0
      ? { lost: [], cancelled: [] }
      : this.#store.call('extend', { claims: claims.map(bare), lease })
  }

  async recover(known: readonly LeaseToken[], lease: number): Promise<readonly Delivery[]> {
    this.#checkStarted()
    return this.#store.call('recover', { known, lease })
  }

  async release(claims: readonly Claim[]): Promise<readonly SettleStatus[]> {
    this.#checkStarted()
    return claims.length === 0 ? [] : this.#store.call('release', claims.map(bare))
  }

  async cancel(
    ids: readonly string[],
    { reason, lease }: { reason: string; lease: number },
  ): Promise<readonly CancelAnswer[]> {
    this.#checkStarted()
    return ids.length === 0 ? [] : this.#store.call('cancel', { ids, reason, lease })
  }

  keepLeases(options: LeaseKeeperOptions): LeaseKeeper {
    this.#store.listen('cancels')
    const keeper = keepLeases(this.#store, options)
    this.#keepers.add(keeper)
    return keeper
  }

  async configureQueues(settings: Readonly<Record<string, QueueSettings>>): Promise<void> {
    this.#checkStarted()
    await this.#store.call('configure', settings)
  }

  async configureGates(limits: Readonly<Record<string, number | null>>): Promise<void> {
    this.#checkStarted()
    await this.#store.call('configureGates', limits)
  }

  /** Until something may have changed since `stamp`, or one of the signals aborts, or `ms` have passed. */
  #pause(stamp: number, ms: number, signals: readonly AbortSignal[]): Promise<void> {
    const { work, around } = this.#store
    const changed = stamp !== work.stamp || signals.some((signal) => signal.aborted)
    if (changed || ms <= 0) return Promise.resolve()
    return new Promise((resolve) => {
      const end = (): void => {
        timer.cancel()
        for (const signal of signals) signal.removeEventListener('abort', end)
        stopListening()
        resolve()
      }
      const timer = around.clock.after(ms, end)
      const stopListening = work.listen(end)
      for (const signal of signals) signal.addEventListener('abort', end)
    })
  }

  #checkStarted(): void {
    if (this.#started) return
    throw new NotStartedError('the SQLite transport is not started: await broker.start() first.')
  }
}

/** Only what names the claim: a delivery carries its body, which need not cross to the database. */
function bare({ id, queue, token }: Claim): Claim {
  return { id, queue, token }
}
