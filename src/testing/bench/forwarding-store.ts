import type { Claim, Delivery, LeaseToken } from '../../core/delivery.ts'
import { UnsupportedError } from '../../core/errors.ts'
import type { Body, Envelope } from '../../core/message.ts'
import type { ResultBackend } from '../../core/result-backend.ts'
import type { StoredResult } from '../../core/result.ts'
import type { SettleStatus, Settlement } from '../../core/settlement.ts'
import type { StoreIdentity } from '../../core/store.ts'
import type {
  CancelAnswer,
  ExtendReport,
  LeaseKeeper,
  LeaseKeeperOptions,
  NextRequest,
  QueueSettings,
  ReceiveRequest,
  SendStatus,
  SettledAndNext,
  Transport,
  TransportCapabilities,
} from '../../core/transport.ts'

/** A transport that hands every call on to another, for others to change a call or two. */
export class ForwardingTransport implements Transport {
  protected readonly inner: Transport

  constructor(inner: Transport) {
    this.inner = inner
  }

  get name(): string {
    return this.inner.name
  }
  get capabilities(): TransportCapabilities {
    return this.inner.capabilities
  }
  get store(): StoreIdentity {
    return this.inner.store
  }
  start(): Promise<void> {
    return this.inner.start()
  }
  stop(): Promise<void> {
    return this.inner.stop()
  }
  send(envelopes: readonly Envelope[]): Promise<readonly SendStatus[]> {
    return this.inner.send(envelopes)
  }
  receive(request: ReceiveRequest): Promise<readonly Delivery[]> {
    return this.inner.receive(request)
  }
  settle(settlements: readonly Settlement[]): Promise<readonly SettleStatus[]> {
    return this.inner.settle(settlements)
  }
  /** @throws UnsupportedError where `capabilities.receivesInSettle` is not. */
  settleAndReceive(settlements: readonly Settlement[], next: NextRequest): Promise<SettledAndNext> {
    if (this.inner.settleAndReceive !== undefined)
      return this.inner.settleAndReceive(settlements, next)
    throw new UnsupportedError(`transport '${this.name}' claims nothing in a settle.`)
  }
  extend(claims: readonly Claim[], lease: number): Promise<ExtendReport> {
    return this.inner.extend(claims, lease)
  }
  recover(known: readonly LeaseToken[], lease: number): Promise<readonly Delivery[]> {
    return this.inner.recover(known, lease)
  }
  release(claims: readonly Claim[]): Promise<readonly SettleStatus[]> {
    return this.inner.release(claims)
  }
  cancel(
    ids: readonly string[],
    options: { reason: string; lease: number },
  ): Promise<readonly CancelAnswer[]> {
    return this.inner.cancel(ids, options)
  }
  keepLeases(options: LeaseKeeperOptions): LeaseKeeper {
    return this.inner.keepLeases(options)
  }
  configureQueues(settings: Readonly<Record<string, QueueSettings>>): Promise<void> {
    return this.inner.configureQueues(settings)
  }
  configureGates(limits: Readonly<Record<string, number | null>>): Promise<void> {
    return this.inner.configureGates(limits)
  }
}

/** A result backend that hands every call on to another. */
export class ForwardingResults implements ResultBackend {
  protected readonly inner: ResultBackend

  constructor(inner: ResultBackend) {
    this.inner = inner
  }

  get name(): string {
    return this.inner.name
  }
  get store(): StoreIdentity {
    return this.inner.store
  }
  start(): Promise<void> {
    return this.inner.start()
  }
  stop(): Promise<void> {
    return this.inner.stop()
  }
  save(results: readonly StoredResult[]): Promise<readonly Body[]> {
    return this.inner.save(results)
  }
  get(ids: readonly string[]): Promise<readonly (Body | null)[]> {
    return this.inner.get(ids)
  }
  wait(id: string, options: { signal: AbortSignal }): Promise<Body> {
    return this.inner.wait(id, options)
  }
  delete(ids: readonly string[]): Promise<number> {
    return this.inner.delete(ids)
  }
  saveProgress(claim: Claim, body: Body, expiresIn: number): Promise<boolean> {
    return this.inner.saveProgress(claim, body, expiresIn)
  }
  getProgress(ids: readonly string[]): Promise<readonly (Body | null)[]> {
    return this.inner.getProgress(ids)
  }
}
