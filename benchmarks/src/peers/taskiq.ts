import type { Peer } from './peer.ts'
import { pythonSubject } from './python-peer.ts'

/** TaskIQ of Python on the same streams. */
export const taskiq: Peer = {
  name: 'taskiq',
  engine: 'redis',
  settings:
    'taskiq 0.13.0, taskiq-redis 1.2.4, RedisStreamBroker with xread_count 100, one process',
  missing: 'results; it has no bulk call, so that is a gather; its CPU is not in the columns',
  most: 5000,
  scenarios: ['enqueue', 'process', 'sleepers'],
  open: async (place) =>
    pythonSubject(
      {
        module: 'taskiq_app',
        worker: ({ concurrency }) => [
          'taskiq',
          ...['worker', 'taskiq_app:broker', '--workers', '1', '--no-configure-logging'],
          ...['--max-async-tasks', String(concurrency), '--max-prefetch', '100'],
        ],
      },
      place,
    ),
}
