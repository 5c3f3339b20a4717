import type { TransportCapabilities } from '../core/transport.ts'

/** Messages sent one by one that leave together. */
export const sendPiece = 50

/** What the Redis transport can do. Free of ioredis, so that it can be read before that is loaded. */
export const redisCapabilities: TransportCapabilities = {
  delayed: true,
  priorities: true,
  atomicResults: true,
  workflows: true,
  locks: true,
  rates: true,
  control: true,
  schedules: true,
  unique: true,
  gates: true,
  durable: true,
  shared: true,
  transactions: false,
  caps: true,
  foreignReaders: true,
  receivesInSettle: true,
  sendPiece,
}

/** What it can do on queues that are a list or a channel to Python. */
export function poppedCapabilities(kind: 'list' | 'pubsub'): TransportCapabilities {
  return {
    ...redisCapabilities,
    priorities: false,
    workflows: false,
    schedules: false,
    unique: false,
    gates: false,
    caps: false,
    // A channel keeps nothing until somebody has heard it.
    durable: kind === 'list',
    popped: true,
    receivesInSettle: undefined,
  }
}

/** The queue of messages that name none: the stream that TaskIQ has by default, too. */
export const sharedQueue = 'taskiq'
