import { TaskContext } from 'taskwright'
import { broker } from '../broker.ts'
import { ask } from '../outside/ask.ts'
import { settings } from './dependencies.ts'

/** Tells a monitor that workers work. Its failure is the monitor's to notice. */
export const healthcheckPing = broker.task(
  {
    name: 'healthcheck_ping',
    aliases: ['reflector.worker.healthcheck.healthcheck_ping'],
    deps: { settings, ctx: TaskContext },
    timeout: '30s',
  },
  async ({ settings, ctx }) => {
    if (settings.HEALTHCHECK_URL === undefined) return
    try {
      await ask(settings.HEALTHCHECK_URL, { timeout: 10_000, service: 'the health check' })
    } catch (error) {
      ctx.logger.error('the health check could not be told', { error })
    }
  },
)

/** For monitors that ask a worker for a sign of life. */
export const ping = broker.task({ name: 'ping', aliases: ['celery.ping'] }, async () => 'pong')
