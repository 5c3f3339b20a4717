import { Hono } from 'hono'
import { broker } from '../broker.ts'
import { metricsText } from '../metrics/prometheus.ts'
import type { Workshop } from '../pipelines/workshop.ts'

/** `/livez`: the process lives. `/readyz`: it reaches its stores. `/metrics`: what it knows of tasks and queues. */
export function operationRoutes({ db, settings }: Workshop): Hono {
  return new Hono()
    .get('/livez', (context) => context.text('ok'))
    .get('/readyz', async (context) => {
      const checks = {
        database: db.selectFrom('transcript').select('id').limit(1).execute(),
        queue: broker.inspector.queues(),
      }
      const ended = await Promise.allSettled(Object.values(checks))
      const answers = Object.keys(checks).map((name, index) => {
        const end = ended[index]
        return [name, end?.status === 'rejected' ? String(end.reason) : 'ok'] as const
      })
      const ready = answers.every(([, answer]) => answer === 'ok')
      return context.json(Object.fromEntries(answers), ready ? 200 : 503)
    })
    .get('/metrics', async (context) => {
      const text = await metricsText({ db, broker, slots: settings.WORKER_SLOTS })
      return context.body(text, 200, { 'content-type': 'text/plain; version=0.0.4' })
    })
}
