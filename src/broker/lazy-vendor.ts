import { NotStartedError } from '../core/errors.ts'
import type { TransportCapabilities } from '../core/transport.ts'
import type { OpenTransport, Surroundings, TransportFactory } from '../core/vendor.ts'

/** A vendor whose code is loaded when its broker starts. */
export interface LazyVendor {
  readonly name: string
  readonly where?: string | undefined
  readonly queue?: string | undefined
  readonly capabilities: TransportCapabilities
  readonly load: () => Promise<TransportFactory>
}

/**
 * A transport by URL: `import 'taskwright'` loads no engine, and a program that only defines tasks
 * never does. Starting it loads the vendor; until then every call is refused as by a transport that
 * was not started.
 */
export function lazyVendor(vendor: LazyVendor): TransportFactory {
  const { name, where, queue, capabilities } = vendor
  return {
    kind: 'transport',
    name,
    where,
    queue,
    create(surroundings) {
      const engine = new LazyEngine(vendor, surroundings)
      return {
        transport: {
          ...engine.forward((open) => open.transport, transportCalls),
          ...(capabilities.receivesInSettle
            ? engine.forward((open) => open.transport, ['settleAndReceive'])
            : {}),
          name,
          capabilities,
          get store() {
            return engine.opened?.transport.store ?? `${name}: not started`
          },
          start: async () => (await engine.load()).transport.start(),
          stop: async () => engine.opened?.transport.stop(),
          keepLeases: (options) => engine.open().transport.keepLeases(options),
        },
        results: {
          ...engine.forward((open) => open.results, resultCalls),
          name,
          get store() {
            return engine.opened?.results.store ?? `${name}: not started`
          },
          start: async () => (await engine.load()).results.start(),
          stop: async () => engine.opened?.results.stop(),
        },
        inspector: engine.forward((open) => needed(open.inspector, name), inspectorCalls),
        ...(capabilities.workflows
          ? {
              workflows: {
                ...engine.forward((open) => needed(open.workflows, name), workflowCalls),
                onMore: (listener) => needed(engine.open().workflows, name).onMore(listener),
              },
            }
          : {}),
        ...(capabilities.locks
          ? { locks: engine.forward((open) => needed(open.locks, name), lockCalls) }
          : {}),
        ...(capabilities.control
          ? { control: engine.forward((open) => needed(open.control, name), controlCalls) }
          : {}),
        ...(capabilities.rates
          ? { rates: engine.forward((open) => needed(open.rates, name), rateCalls) }
          : {}),
        ...(capabilities.schedules
          ? {
              ledger: {
                ...engine.forward((open) => needed(open.ledger, name), ledgerCalls),
                get store() {
                  return engine.opened?.transport.store ?? `${name}: not started`
                },
              },
              plans: {
                ...engine.forward((open) => needed(open.plans, name), planCalls),
                name,
                writable: true,
                get identity() {
                  return engine.opened?.plans?.identity ?? `${name}: not started`
                },
                start: async (around) => needed((await engine.load()).plans, name).start(around),
                stop: async () => engine.opened?.plans?.stop(),
              },
            }
          : {}),
        ...(capabilities.transactions
          ? {
              transactions: engine.forward(
                (open) => needed(open.transactions, name),
                transactionCalls,
              ),
            }
          : {}),
      }
    },
  }
}

const transportCalls = [
  'send',
  'receive',
  'settle',
  'extend',
  'recover',
  'release',
  'cancel',
  'configureQueues',
  'configureGates',
] as const
const resultCalls = ['save', 'get', 'wait', 'delete', 'saveProgress', 'getProgress'] as const
const inspectorCalls = [
  'queues',
  'peek',
  'scheduled',
  'states',
  'keyHolders',
  'deadLetters',
  'deadLetter',
  'retryDead',
  'deleteDead',
  'trimDead',
] as const
const workflowCalls = [
  'reserve',
  'put',
  'seal',
  'pump',
  'check',
  'control',
  'read',
  'nodes',
  'value',
  'values',
  'list',
  'sweep',
] as const
const controlCalls = ['broadcast', 'listen', 'settings', 'set'] as const
const rateCalls = ['take', 'setRule', 'holdOff'] as const
const lockCalls = ['acquire', 'renew', 'free', 'onFreed'] as const
const ledgerCalls = [
  'now',
  'adopt',
  'states',
  'fire',
  'pause',
  'forget',
  'lead',
  'resign',
  'leaders',
] as const
const planCalls = ['read', 'put', 'remove'] as const
const transactionCalls = ['sendWithin', 'settleWithin', 'announce'] as const

class LazyEngine {
  opened: OpenTransport | undefined
  readonly #vendor: LazyVendor
  readonly #surroundings: Surroundings
  #loading: Promise<OpenTransport> | undefined

  constructor(vendor: LazyVendor, surroundings: Surroundings) {
    this.#vendor = vendor
    this.#surroundings = surroundings
  }

  /** Loads the vendor once; a load that failed may be tried again. */
  load(): Promise<OpenTransport> {
    this.#loading ??= this.#vendor.load().then(
      (factory) => (this.opened = factory.create(this.#surroundings)),
      (error: unknown) => {
        this.#loading = undefined
        throw error
      },
    )
    return this.#loading
  }

  /** @throws NotStartedError */
  open(): OpenTransport {
    if (this.opened !== undefined) return this.opened
    throw new NotStartedError(`the ${this.#vendor.name} transport is not started.`)
  }

  /**
   * The named methods of a part, each handed on when it is called. A method that answers with a
   * promise rejects before the start; the others (of transactions) throw, as they do when they run.
   */
  forward<T extends object, K extends keyof T & string>(
    part: (open: OpenTransport) => T,
    calls: readonly K[],
  ): Pick<T, K> {
    const sync = calls === (transactionCalls as readonly string[])
    const entries = calls.map((call) => {
      const hand = (...args: unknown[]): unknown => {
        const target = part(this.open())
        return (target[call] as (...args: unknown[]) => unknown).apply(target, args)
      }
      // async: a refusal is a rejected promise.
      return [call, sync ? hand : async (...args: unknown[]) => hand(...args)] as const
    })
    return Object.fromEntries(entries) as Pick<T, K>
  }
}

function needed<T>(part: T | undefined, name: string): T {
  if (part !== undefined) return part
  throw new NotStartedError(`the ${name} transport has no such part.`)
}
