import type { Broker } from 'taskwright'
import { Counter, Gauge, Registry } from 'prom-client'
import type { Db } from '../data/tables.ts'
import { timeEdges } from './task-metrics.ts'

/** Where the numbers come from. */
export interface MetricSources {
  readonly db: Db
  readonly broker: Broker
  /** How many tasks all workers together can run at once; by it the utilisation is reckoned. */
  readonly slots: number
}

/**
 * The guide's four metrics in Prometheus' form: execution times, success and failure, queue depths and
 * the utilisation of the workers. Read from the stores at each call, so any process can tell them.
 */
export async function metricsText({ db, broker, slots }: MetricSources): Promise<string> {
  const registry = new Registry()
  const registers = [registry]
  const runs = new Counter({
    name: 'reflector_task_runs_total',
    help: 'Runs of tasks that ended, by outcome.',
    labelNames: ['task', 'outcome'],
    registers,
  })
  const seconds = new Counter({
    name: 'reflector_task_seconds_sum',
    help: 'Seconds that tasks ran.',
    labelNames: ['task'],
    registers,
  })
  const times = new Counter({
    name: 'reflector_task_seconds_bucket',
    help: 'Runs of tasks that took at most so many seconds.',
    labelNames: ['task', 'le'],
    registers,
  })
  for (const [task, kinds] of await countsByTask(db)) {
    for (const outcome of ['succeeded', 'failed'])
      runs.inc({ task, outcome }, kinds.get(outcome) ?? 0)
    seconds.inc({ task }, kinds.get('seconds') ?? 0)
    let upTo = 0
    for (const edge of [...timeEdges, 'Inf'] as const) {
      upTo += kinds.get(`le ${edge}`) ?? 0
      times.inc({ task, le: edge === 'Inf' ? '+Inf' : String(edge) }, upTo)
    }
  }

  const depth = new Gauge({
    name: 'reflector_queue_messages',
    help: 'Messages in a queue, by state.',
    labelNames: ['queue', 'state'],
    registers,
  })
  let running = 0
  for (const queue of await broker.inspector.queues()) {
    running += queue.running
    for (const state of ['queued', 'scheduled', 'running', 'dead'] as const)
      depth.set({ queue: queue.queue, state }, queue[state])
  }
  const used = new Gauge({
    name: 'reflector_worker_utilisation',
    help: 'Running tasks by the slots of all workers, 0 to 1.',
    registers,
  })
  used.set(Math.min(1, running / slots))
  return registry.metrics()
}

async function countsByTask(db: Db): Promise<Map<string, Map<string, number>>> {
  const counts = new Map<string, Map<string, number>>()
  for (const { task, kind, value } of await db.selectFrom('task_metric').selectAll().execute()) {
    const kinds = counts.get(task) ?? new Map<string, number>()
    counts.set(task, kinds.set(kind, Number(value)))
  }
  return counts
}
