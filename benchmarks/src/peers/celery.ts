import type { Peer } from './peer.ts'
import { pythonSubject } from './python-peer.ts'

const quiet = ['--without-gossip', '--without-mingle', '--without-heartbeat', '-l', 'ERROR']

/** Celery on Redis: its solo pool, the fastest of its pools where tasks do nothing; threads where they wait. */
export const celery: Peer = {
  name: 'celery',
  engine: 'redis',
  settings:
    'celery 5.6.2, results ignored but for workflows; solo pool, threads for tasks that wait',
  missing: 'results of single tasks; it has no bulk call; its CPU is not in the columns',
  most: 2000,
  scenarios: ['enqueue', 'process', 'sleepers', 'workflows'],
  slow: { share: 0.1, rounds: 1 },
  open: async (place) =>
    pythonSubject(
      {
        module: 'celery_app',
        worker: ({ concurrency, sleep }) => [
          'celery',
          ...['-A', 'celery_app', 'worker', '--pool', sleep > 0 ? 'threads' : 'solo'],
          ...['--concurrency', String(concurrency), '--prefetch-multiplier', '4', ...quiet],
        ],
      },
      place,
    ),
}
