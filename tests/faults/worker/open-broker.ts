import {
  createBroker,
  logTo,
  type Broker,
  type ResultBackendFactory,
  type TransportFactory,
} from 'taskwright'
import { redisResultBackend, redisTransport } from 'taskwright/redis'
import { sqliteResultBackend, sqliteTransport } from 'taskwright/sqlite'
import { broken } from './broken-variants.ts'
import type { Ledger } from './ledger.ts'
import { recorded } from './recording-transport.ts'
import type { TransportPlan, Variant } from './worker-plan.ts'

/** How a broker of the fault runs is opened. */
export interface BrokerPlan {
  readonly transport: TransportPlan
  readonly variant?: Variant | undefined
}

/** A broker on the transport of a plan. A worker's hand-overs are written into its ledger. */
export function openBroker({ transport: plan, variant }: BrokerPlan, ledger?: Ledger): Broker {
  let transport = transportOf(plan)
  if (variant !== undefined) transport = broken(transport, variant, plan)
  // Outermost: it sees what the worker believes, whatever is made of it.
  if (ledger !== undefined) transport = recorded(transport, ledger)
  return createBroker({
    transport,
    resultBackend: resultsOf(plan),
    logger: logTo((level, message, { error }) => {
      const why = error instanceof Error ? error.message : ''
      if (level === 'error') process.stderr.write(`${process.pid} ${message} ${why}\n`)
    }),
  })
}

/** The transport of a plan, of no broker yet. */
export function transportOf(plan: TransportPlan): TransportFactory {
  return plan.kind === 'sqlite'
    ? sqliteTransport(plan.options)
    : redisTransport({ url: plan.url, wait: plan.wait })
}

function resultsOf(plan: TransportPlan): ResultBackendFactory | undefined {
  if (plan.kind === 'redis') {
    const { url, splitResults } = plan
    return splitResults ? redisResultBackend({ url, resultPrefix: 'apart' }) : undefined
  }
  const { options, resultsFile: file } = plan
  return file === undefined ? undefined : sqliteResultBackend({ ...options, file })
}
