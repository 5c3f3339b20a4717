import { createHash } from 'node:crypto'
import { milliseconds, type Duration } from '../core/duration.ts'
import { DefinitionError, InvalidInputError, UnsupportedError } from '../core/errors.ts'
import type { FireLedger } from '../core/fire-ledger.ts'
import type { ScheduleSource } from '../core/schedule-source.ts'
import { isBroker, type BrokerIdentity } from '../broker/broker-identity.ts'
import { runtimeOf, type BrokerRuntime } from '../broker/runtime.ts'
import { ledgerOf, nextOf, pausePlan, runPlan } from '../broker/schedule-task.ts'
import type { WorkflowHandle } from '../broker/canvas/workflow-handle.ts'
import type { TaskHandle } from '../broker/task-handle.ts'
import { isLabelSource, labelSource } from './label-source.ts'
import { PlanBook, type PlanEntry } from './plan-book.ts'
import { plannedTasks, readStatus } from './read-status.ts'
import { noCounts, type SchedulerCounts } from './scheduler-counts.ts'
import { SchedulerLoop } from './scheduler-loop.ts'
import type { SchedulerOptions } from './scheduler-options.ts'
import {
  schedulerKey,
  type PlannedTask,
  type Scheduler,
  type SchedulerStartOptions,
  type SchedulerStatus,
} from './scheduler.ts'
import { storeSource } from './store-source.ts'

const known: ReadonlySet<string> = new Set<keyof SchedulerOptions>([
  'broker',
  'sources',
  'name',
  'lease',
  'updateInterval',
  'skipFirstRun',
])

/** Takes part in what a leader of less than this could not keep. */
const shortestLease = 300

/**
 * Makes a scheduler. Opens nothing: that happens by `start()`, or when it is asked for its plans.
 *
 * @example
 * ```ts
 * import { createBroker, createScheduler } from 'taskwright'
 *
 * export const broker = createBroker('sqlite:./tasks.db')
 * broker.task({ name: 'reprocess', schedule: [{ cron: '0 5 * * *' }] }, async () => {})
 *
 * export const scheduler = createScheduler({ broker })
 * ```
 * @throws DefinitionError for a wrong option.
 */
export function createScheduler(options: SchedulerOptions): Scheduler {
  for (const key of Object.keys(options)) {
    if (known.has(key)) continue
    throw new DefinitionError(
      `createScheduler has no option '${key}'. Known: ${[...known].join(', ')}.`,
    )
  }
  const { broker, sources, name, skipFirstRun = false } = options
  if (!isBroker(broker)) {
    throw new DefinitionError('createScheduler needs a `broker`: createScheduler({ broker }).')
  }
  return new OwnScheduler(broker, {
    sources,
    name,
    skipFirstRun,
    lease: readSpan('lease', options.lease ?? '5s', shortestLease),
    updateInterval: readInterval(options.updateInterval ?? '1s'),
  })
}

interface Settings {
  readonly sources: readonly ScheduleSource[] | undefined
  readonly name: string | undefined
  readonly skipFirstRun: boolean
  readonly lease: number
  readonly updateInterval: number
}

class OwnScheduler implements Scheduler {
  readonly [schedulerKey]: BrokerIdentity
  readonly counts: SchedulerCounts = noCounts()
  readonly #broker: BrokerIdentity
  readonly #settings: Settings
  #loop: SchedulerLoop | undefined
  #starting: Promise<void> | undefined

  constructor(broker: BrokerIdentity, settings: Settings) {
    this[schedulerKey] = broker
    this.#broker = broker
    this.#settings = settings
  }

  get leads(): boolean {
    return this.#loop?.leads ?? false
  }

  start(options: SchedulerStartOptions = {}): Promise<void> {
    this.#starting ??= this.#start(options).catch((error: unknown) => {
      this.#starting = undefined
      throw error
    })
    return this.#starting
  }

  async stop(): Promise<void> {
    await this.#starting?.catch(() => {})
    const loop = this.#loop
    this.#loop = undefined
    this.#starting = undefined
    await loop?.stop()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  async plans(): Promise<readonly PlannedTask[]> {
    const { book, ledger } = await this.#look()
    return plannedTasks(book, await ledger.now())
  }

  async next(id: string, count: number = 1): Promise<readonly Date[]> {
    const { runtime, entry } = await this.#find(id)
    return nextOf(runtime, entry.plan, count)
  }

  async pause(id: string): Promise<void> {
    const { runtime, entry } = await this.#find(id)
    await pausePlan(runtime, entry.plan, true)
  }

  async resume(id: string): Promise<void> {
    const { runtime, entry } = await this.#find(id)
    await pausePlan(runtime, entry.plan, false)
  }

  async run(id: string): Promise<TaskHandle<unknown> | WorkflowHandle<unknown>> {
    const { runtime, entry } = await this.#find(id)
    return runPlan(runtime, entry.plan)
  }

  async remove(id: string): Promise<void> {
    const { runtime, entry } = await this.#find(id)
    if (!entry.source.writable) {
      throw new UnsupportedError(
        `schedule '${id}' is written in code (${entry.source.name}): delete it there, or pause it.`,
      )
    }
    await entry.source.remove([id])
    await ledgerOf(runtime).forget([id])
  }

  async status(): Promise<SchedulerStatus> {
    const { book, ledger, group } = await this.#look()
    const { lease } = this.#settings
    return readStatus({ book, ledger, group, lease })
  }

  async #start(options: SchedulerStartOptions): Promise<void> {
    const { runtime, ledger, book, group } = await this.#look(true)
    const { lease } = this.#settings
    const { skipFirstRun = this.#settings.skipFirstRun } = options
    const updateInterval = readInterval(options.updateInterval ?? this.#settings.updateInterval)
    const { counts } = this
    this.#loop = new SchedulerLoop({
      runtime,
      ledger,
      book,
      counts,
      group,
      lease,
      updateInterval,
      skipFirstRun,
    })
    await this.#loop.start()
  }

  async #find(id: string): Promise<{ runtime: BrokerRuntime; entry: PlanEntry }> {
    const { runtime, book } = await this.#look()
    const entry = book.entries.get(id)
    if (entry !== undefined) return { runtime, entry }
    const names = [...book.entries.keys()].slice(0, 10).join(', ')
    throw new InvalidInputError(
      `there is no schedule '${id}'${names === '' ? '; there are none' : ` (there are ${names}${book.entries.size > 10 ? ', …' : ''})`}.`,
    )
  }

  /** Opens everything and reads all plans. */
  async #look(fires: boolean = false): Promise<{
    runtime: BrokerRuntime
    ledger: FireLedger
    book: PlanBook
    group: string
  }> {
    // Asked for each time: a test may have put another runtime there.
    const runtime = runtimeOf(this.#broker)
    const ledger = ledgerOf(runtime)
    const sources = this.#settings.sources ?? defaultSources(this.#broker, runtime)
    checkLabels(runtime, sources)
    await runtime.start()
    for (const source of sources) await runtime.openSource(source)
    const book = new PlanBook({ runtime, ledger, sources, fires })
    await book.load()
    return { runtime, ledger, book, group: this.#settings.name ?? groupOf(sources) }
  }
}

function defaultSources(broker: BrokerIdentity, { plans }: BrokerRuntime): ScheduleSource[] {
  return [labelSource(broker), ...(plans === undefined ? [] : [storeSource(broker)])]
}

/** Tasks with plans that nobody reads never fire, and nobody would notice. @throws DefinitionError */
function checkLabels({ registry }: BrokerRuntime, sources: readonly ScheduleSource[]): void {
  if (sources.some(isLabelSource)) return
  const unread = registry.all().filter(({ schedule }) => schedule.length > 0)
  if (unread.length === 0) return
  throw new DefinitionError(
    `task '${unread[0]?.name}'${unread.length > 1 ? ` and ${unread.length - 1} more` : ''} has a \`schedule\`, but no source of this scheduler reads it: add labelSource(broker) to \`sources\`.`,
  )
}

function groupOf(sources: readonly ScheduleSource[]): string {
  const identities = sources.map(({ identity }) => identity).sort()
  return createHash('sha256').update(JSON.stringify(identities)).digest('hex').slice(0, 16)
}

function readInterval(given: Duration): number {
  return readSpan('updateInterval', given, 10)
}

function readSpan(name: string, given: Duration, least: number): number {
  let ms = 0
  try {
    ms = milliseconds(given)
  } catch (error) {
    throw new DefinitionError(`createScheduler: \`${name}\`: ${(error as Error).message}`, {
      cause: error,
    })
  }
  if (ms >= least) return ms
  throw new DefinitionError(`createScheduler: \`${name}\` is ${least} ms or more.`)
}
