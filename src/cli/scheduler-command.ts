import type { LogLevel } from '../core/logger.ts'
import { exitCodes, type ExitCode } from './exit-codes.ts'
import { loadScheduler } from './load-scheduler.ts'
import { openLog, type LogFormat } from './log-output.ts'
import { ignoreBrokenPipe, type Terminal } from './terminal.ts'
import { useLogger } from './use-logger.ts'

/** What `taskwright scheduler` was told. */
export interface SchedulerCommand {
  readonly target: string
  readonly modules: readonly string[]
  readonly flags: {
    readonly skipFirstRun?: boolean | undefined
    readonly updateInterval?: number | undefined
    readonly logLevel: LogLevel
    readonly logFormat: LogFormat
  }
}

/**
 * Runs a scheduler until a signal. Any number may run: one of them works, and another one takes over when it
 * ends or dies.
 */
export async function runScheduler(
  { target, modules, flags }: SchedulerCommand,
  terminal: Terminal,
): Promise<ExitCode> {
  ignoreBrokenPipe()
  const logger = await openLog({
    level: flags.logLevel,
    format: flags.logFormat,
    fields: { pid: process.pid },
    colours: terminal.errColours,
    write: (text) => void process.stderr.write(text),
  })
  const { scheduler, broker } = await loadScheduler(target, modules)
  useLogger(broker, logger)
  const asked = new Promise<string>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, resolve)
  })
  try {
    const { skipFirstRun, updateInterval } = flags
    await scheduler.start({ skipFirstRun, updateInterval })
    const plans = await scheduler.plans()
    const does = scheduler.leads ? 'leads' : 'waits to take over'
    logger.info(`scheduler started: ${plans.length} plans on ${broker.description}; ${does}`)
    for (const { plan, next } of plans.slice(0, 20)) {
      logger.info(`  ${plan.id} → ${plan.task}: next ${next?.toISOString() ?? 'never'}`)
    }
    logger.info(`${await asked}: stopping`)
    await scheduler.stop()
    logger.info('stopped', { fired: scheduler.counts.fired })
  } finally {
    await broker.stop()
  }
  return exitCodes.done
}
