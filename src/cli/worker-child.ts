/**
 * The entry of a worker process: waits for its plan, loads the user's modules, runs a worker until it
 * is told to drain, and ends. Signals of the terminal are the parent's to answer; a parent that is gone
 * is answered by draining.
 */
import { systemClock } from '../core/clock.ts'
import { duration } from '../core/duration.ts'
import type { Logger } from '../core/logger.ts'
import type { Broker } from '../broker/broker.ts'
import { runtimeOf } from '../broker/runtime.ts'
import { createWorker } from '../worker/create-worker.ts'
import { showPath } from '../worker/load-failure.ts'
import type { Worker } from '../worker/worker.ts'
import type { ChildMessage, ParentMessage, WorkerFacts, WorkerPlan } from './child-protocol.ts'
import { discoverFiles } from './discover-files.ts'
import { loadBroker } from './load-broker.ts'
import { loadScheduler } from './load-scheduler.ts'
import { openLog } from './log-output.ts'
import { processTerminal, ignoreBrokenPipe } from './terminal.ts'
import { useLogger } from './use-logger.ts'
import { logEvents, type RunningTasks } from './worker-log.ts'

/** Longer than anybody waits: the parent says when a drain ends, not the worker's default. */
const forEver = duration('365d')
const pulseEvery = 1000

interface Running {
  readonly worker: Worker
  readonly logger: Logger
  readonly tasks: RunningTasks
}

let running: Running | undefined
/** What a drain that nobody gave a limit waits: the parent is gone, or somebody signalled this process alone. */
let patience: number | undefined
let asked: Extract<ParentMessage, { kind: 'drain' | 'abort' }> | undefined

ignoreBrokenPipe()
for (const signal of ['SIGINT', 'SIGHUP'] as const) process.on(signal, () => {})
process.on('SIGTERM', () => stop({ kind: 'drain', patience, reason: 'SIGTERM' }))
process.on('disconnect', () => {
  stop({ kind: 'drain', patience, reason: 'the parent process ended' })
})
process.on('message', (message: ParentMessage) => {
  if (message.kind === 'start') void start(message.plan, message.slot)
  else stop(message)
})

async function start(plan: WorkerPlan, slot: number): Promise<void> {
  patience = plan.shutdownTimeout
  const terminal = processTerminal()
  const logger = await openLog({
    level: plan.logLevel,
    format: plan.logFormat,
    fields: { worker: slot, pid: process.pid },
    colours: terminal.errColours,
    write: (text) => void process.stderr.write(text),
  })
  reportCrashes(logger)
  let phase: 'load' | 'start' = 'load'
  try {
    const found = plan.discover === undefined ? [] : discoverFiles(plan.discover)
    const broker = await loadBroker(plan.target, [...plan.modules, ...found])
    useLogger(broker, logger)
    warnAboutMemory(broker, logger)
    if (asked !== undefined) process.exit(0)
    const worker = createWorker(broker, optionsOf(plan, slot))
    phase = 'start'
    running = { worker, logger, tasks: logEvents(worker, logger, systemClock) }
    announceLastTask(worker, plan.maxTasks)
    const { scheduler } = plan.scheduler === undefined ? {} : await loadScheduler(plan.scheduler)
    let toldToStop = false
    worker.on('stopped', ({ reason }) => (toldToStop = reason === 'control'))
    await worker.start()
    await scheduler?.start()
    tell({ kind: 'ready', facts: factsOf(broker, worker) })
    pulse(worker)
    // The drain may have been asked for while it started.
    if (asked !== undefined) stop(asked)
    await worker.stopped
    // Told to by remote control: the whole command ends, or its supervisor would only make another.
    if (toldToStop) process.kill(process.ppid, 'SIGTERM')
    await scheduler?.stop()
    await broker.stop()
    process.exit(0)
  } catch (error) {
    const told = error instanceof Error ? error : new Error(String(error))
    logger.debug('could not start', { error: told })
    const message = phase === 'load' ? told.message : `${told.name}: ${told.message}`
    process.send?.({ kind: 'failed', phase, message } satisfies ChildMessage, () => process.exit(1))
  }
}

function optionsOf(plan: WorkerPlan, slot: number): Parameters<typeof createWorker>[1] {
  const { concurrency, prefetch, queues, strict, ack, lease, redeliveries, maxTasks, name } = plan
  return {
    concurrency,
    prefetch,
    queues,
    strict,
    ack,
    lease,
    redeliveries,
    maxTasks,
    shutdownTimeout: forEver,
    name: name === undefined ? undefined : `${name}-${slot}`,
  }
}

function stop(message: Extract<ParentMessage, { kind: 'drain' | 'abort' }>): void {
  asked = message
  if (running === undefined) {
    // Modules that are still being loaded are let finish by a drain only.
    if (message.kind === 'abort') process.exit(0)
    return
  }
  const { worker, logger, tasks } = running
  if (message.kind === 'abort') {
    logger.info(`aborting and giving back ${counted(tasks.count)}${tasks.describe()}`)
    void worker.stop({ timeout: 0 })
    return
  }
  const { patience: limit, reason } = message
  if (tasks.count > 0) {
    const most = limit === undefined ? '' : ` for up to ${seconds(limit)}`
    logger.info(`draining (${reason}): waits${most} for ${counted(tasks.count)}${tasks.describe()}`)
  } else {
    logger.debug(`draining (${reason}): nothing runs`)
  }
  void worker.stop({ timeout: limit ?? forEver })
}

/** Says, when the last task of its share has begun, that it is time for another child. */
function announceLastTask(worker: Worker, maxTasks: number | undefined): void {
  if (maxTasks === undefined) return
  let started = 0
  worker.on('task-started', () => {
    if (++started === maxTasks) tell({ kind: 'leaving' })
  })
}

function pulse(worker: Worker): void {
  tell({ kind: 'pulse', rss: process.memoryUsage.rss(), running: worker.counts.running })
  systemClock.after(pulseEvery, () => pulse(worker), { background: true })
}

/** A worker process of its own can only ever see what it sent itself. */
function warnAboutMemory(broker: Broker, logger: Logger): void {
  const { transport } = runtimeOf(broker)
  if (transport.capabilities.shared) return
  logger.warn(
    `${broker.description} is not shared between processes: nothing that another process sends arrives here. Give the broker a file: sqlite:./tasks.db`,
  )
}

/** A crash says which tasks ran, and takes the process with it: nobody knows in which state it is. */
function reportCrashes(logger: Logger): void {
  process.on('uncaughtException', (error) => {
    // A handler of the user's own may have a better idea.
    if (process.listenerCount('uncaughtException') > 1) return
    const tasks = running?.tasks.describe() ?? ''
    logger.error(
      tasks === '' ? 'the process crashes' : `the process crashes; running were${tasks}`,
      { error },
    )
    process.exit(1)
  })
}

function factsOf(broker: Broker, worker: Worker): WorkerFacts {
  const { registry, defaultQueue } = runtimeOf(broker)
  const local = registry.all().filter((task) => task.handler !== undefined)
  return {
    name: worker.name,
    engine: broker.description,
    queues: worker.queues,
    tasks: local.map(({ name, queue, definedAt }) => ({
      name,
      queue: queue ?? defaultQueue,
      definedAt:
        definedAt === undefined ? undefined : `${showPath(definedAt.file)}:${definedAt.line}`,
    })),
  }
}

function tell(message: ChildMessage): void {
  if (process.connected) process.send?.(message, () => {})
}

function counted(count: number): string {
  return count === 1 ? '1 running task' : `${count} running tasks`
}

function seconds(ms: number): string {
  return `${Number((ms / 1000).toFixed(1))} s`
}
