/** The thread that keeps leases: a connection of its own, and a beat for each keeper. See lease-thread.ts. */
import { parentPort, workerData, type MessagePort } from 'node:worker_threads'
import { LeaseBeat } from '../coalescing/lease-beat.ts'
import type { LedgerMemory } from '../coalescing/shared-ledger.ts'
import { systemClock } from '../core/clock.ts'
import { errorData } from '../core/error-data.ts'
import { silentLogger } from '../core/logger.ts'
import { systemRandom } from '../core/random.ts'
import { ledgerClaims } from './held-claims.ts'
import type { FromLeaseThread, LeaseThreadData, ToLeaseThread } from './lease-thread-messages.ts'
import { extend } from './leases.ts'
import { RedisStore } from './redis-store.ts'

const data = workerData as LeaseThreadData
if (parentPort !== null) serve(parentPort)

interface Keeper {
  readonly beat: LeaseBeat
  ledger: LedgerMemory
}

function serve(port: MessagePort): void {
  const around = { clock: systemClock, random: systemRandom, logger: silentLogger }
  const store = new RedisStore(data.options, around, data.instance)
  const post = (message: FromLeaseThread): void => port.postMessage(message)
  const keepers = new Map<number, Keeper>()
  let queues: readonly string[] = []

  const open = ({ keeper, options, ledger }: ToLeaseThread & { kind: 'keeper' }): Keeper => {
    const beat = new LeaseBeat({
      ...options,
      clock: systemClock,
      beats: new Int32Array(data.beats),
      held: () => ledgerClaims(keepers.get(keeper)?.ledger ?? ledger, queues),
      extend: async (claims) => {
        await store.open(port)
        return extend(store, claims, options.lease)
      },
      onReport: (report) => post({ kind: 'renewed', keeper, report }),
      onError: (error) => post({ kind: 'notRenewed', keeper, error: errorData(error) }),
    })
    return { beat, ledger }
  }
  port.on('message', (message: ToLeaseThread) => {
    if (message.kind === 'queues') queues = message.queues
    else if (message.kind === 'keeperEnd') {
      keepers.get(message.keeper)?.beat.stop()
      keepers.delete(message.keeper)
    } else {
      const known = keepers.get(message.keeper)
      if (known === undefined) keepers.set(message.keeper, open(message))
      else known.ledger = message.ledger
    }
  })
  store.open(port).then(
    () => post({ kind: 'ready' }),
    // The main thread goes on by itself, and starts another one.
    () => process.exit(1),
  )
}
