import { openSync, closeSync } from 'node:fs'
import { systemClock } from '../core/clock.ts'
import type { Logger, LogLevel } from '../core/logger.ts'
import { systemRandom } from '../core/random.ts'
import { readTarget } from '../worker/load-module.ts'
import type { WorkerOptions } from '../worker/worker-options.ts'
import { forkChild } from './child-process.ts'
import type { WorkerFacts, WorkerPlan } from './child-protocol.ts'
import type { ExitCode } from './exit-codes.ts'
import { openLog, type LogFormat } from './log-output.ts'
import { Supervisor } from './supervisor.ts'
import { ignoreBrokenPipe, type Terminal } from './terminal.ts'
import { packageVersion } from './version.ts'
import { workerBanner } from './worker-banner.ts'

/** The flags of `taskwright worker`. */
export interface WorkerFlags {
  readonly workers: number
  readonly concurrency: number
  readonly prefetch?: number | undefined
  readonly queues?: WorkerOptions['queues']
  readonly strict?: boolean | undefined
  readonly ack: 'early' | 'late'
  readonly lease?: number | undefined
  readonly redeliveries?: number | undefined
  readonly maxTasksPerChild?: number | undefined
  readonly maxMemoryPerChild?: number | undefined
  readonly shutdownTimeout: number
  readonly reload?: boolean | undefined
  readonly fsDiscover?: string | undefined
  readonly withScheduler?: string | true | undefined
  readonly name?: string | undefined
  readonly logLevel: LogLevel
  readonly logFormat: LogFormat
}

/** What `taskwright worker` was told. */
export interface WorkerCommand {
  readonly target: string
  readonly modules: readonly string[]
  readonly flags: WorkerFlags
}

/** Runs worker processes until they are told to stop. */
export async function runWorker(command: WorkerCommand, terminal: Terminal): Promise<ExitCode> {
  const { flags } = command
  ignoreBrokenPipe()
  const logger = await openLog({
    level: flags.logLevel,
    format: flags.logFormat,
    fields: { pid: process.pid },
    colours: terminal.errColours,
    write: (text) => void process.stderr.write(text),
  })
  const plan = planOf(command)
  const supervisor = new Supervisor({
    plan,
    workers: flags.workers,
    maxMemory: flags.maxMemoryPerChild,
    reload: flags.reload === true,
    fork: forkChild,
    clock: systemClock,
    random: systemRandom,
    logger,
    onReady: (facts) => introduce({ facts, plan, flags }, { terminal, logger }),
  })
  answerSignals(supervisor, logger)
  const watch =
    flags.reload === true ? await reloadOnChange(command, { supervisor, logger }) : undefined
  const code = await supervisor.run()
  await watch?.close()
  logger.info('stopped')
  return code
}

function planOf({ target, modules, flags }: WorkerCommand): WorkerPlan {
  return {
    target,
    modules,
    discover: flags.fsDiscover,
    scheduler: flags.withScheduler === true ? target : flags.withScheduler,
    name: flags.name,
    concurrency: flags.concurrency,
    prefetch: flags.prefetch ?? Math.min(flags.concurrency, 100),
    queues: flags.queues,
    strict: flags.strict,
    ack: flags.ack,
    lease: flags.lease,
    redeliveries: flags.redeliveries,
    maxTasks: flags.maxTasksPerChild,
    shutdownTimeout: flags.shutdownTimeout,
    logLevel: flags.logLevel,
    logFormat: flags.logFormat,
  }
}

function introduce(
  { facts, plan, flags }: { facts: WorkerFacts; plan: WorkerPlan; flags: WorkerFlags },
  { terminal, logger }: { terminal: Terminal; logger: Logger },
): void {
  const version = packageVersion()
  if (flags.logFormat === 'json') {
    const { engine, queues, tasks } = facts
    const { concurrency, prefetch, ack } = plan
    const names = tasks.map(({ name }) => name)
    const { workers } = flags
    logger.info('worker started', {
      version,
      engine,
      queues,
      workers,
      concurrency,
      prefetch,
      ack,
      tasks: names,
    })
    return
  }
  terminal.err(
    workerBanner({ facts, plan, workers: flags.workers, version, colours: terminal.errColours }),
  )
}

/** First: drain. Second: abort and give back. Third: exit. SIGHUP: restart one by one. */
function answerSignals(supervisor: Supervisor, logger: Logger): void {
  let stops = 0
  const stop = (signal: string): void => {
    stops++
    if (stops === 1) {
      logger.info(`${signal}: draining; once more to abort what runs and give it back`)
      supervisor.drain(signal)
    } else if (stops === 2) {
      logger.warn(`${signal}: aborting what runs and giving it back; once more to exit at once`)
      supervisor.abort()
    } else {
      logger.error(`${signal}: exiting at once; what ran comes back when its lease ends`)
      supervisor.kill()
    }
  }
  process.on('SIGINT', () => stop('SIGINT'))
  process.on('SIGTERM', () => stop('SIGTERM'))
  const fromTerminal = hasTerminal()
  process.on('SIGHUP', () => {
    // A terminal that was closed says the same as an operator who wants new processes.
    if (fromTerminal && !hasTerminal()) stop('SIGHUP')
    else {
      logger.info('SIGHUP: restarting the worker processes one by one')
      void supervisor.restartOneByOne()
    }
  })
}

/** Whether this process belongs to a terminal that is still there. */
function hasTerminal(): boolean {
  try {
    closeSync(openSync('/dev/tty', 'r'))
    return true
  } catch {
    return false
  }
}

async function reloadOnChange(
  { target, modules, flags }: WorkerCommand,
  { supervisor, logger }: { supervisor: Supervisor; logger: Logger },
): Promise<{ close(): Promise<void> }> {
  const { watchFiles } = await import('./watch-files.ts')
  const { showPath } = await import('../worker/load-failure.ts')
  const { file } = readTarget(target)
  // The pattern of --fs-discover is relative to the working directory.
  const discovered = flags.fsDiscover === undefined ? [] : ['./.']
  return watchFiles([file, ...modules, ...discovered], (path) => {
    logger.info(`${showPath(path)} has changed: draining, then restarting`)
    void supervisor.restartAll()
  })
}
