import { milliseconds, type Duration } from '../core/duration.ts'
import { InvalidInputError, UnsupportedError } from '../core/errors.ts'
import { isId } from '../core/ids.ts'
import {
  noLabels,
  normalPriority,
  priorityNumber,
  type LabelValue,
  type Labels,
  type Priority,
} from '../core/labels.ts'
import type { Message } from '../core/message.ts'
import type { ScheduleLine } from '../core/schedule-line.ts'
import type { ScheduleSource } from '../core/schedule-source.ts'
import type { BrokerIdentity } from './broker-identity.ts'
import { toTravel, type Travelling } from './arguments.ts'
import { endDropped } from './cancel.ts'
import { expiryLabels, type ExpiryOptions } from './expiry.ts'
import { gatesOf } from './gate-policy.ts'
import { handleOf } from './handle.ts'
import { lineLabels } from './lineage.ts'
import type { RegisteredTask } from './registry.ts'
import type { SendStatus } from '../core/transport.ts'
import { runtimeOf, type BrokerRuntime } from './runtime.ts'
import type { ScheduleHandle } from './schedule-handle.ts'
import { lineFrom, scheduleTask } from './schedule-task.ts'
import type { Outgoing, Route } from './sender.ts'
import type { Kicker } from './task.ts'
import { checkLabels } from './check-labels.ts'
import { checkName } from './task-definition.ts'
import type { TaskHandle } from './task-handle.ts'
import type { TaskHome } from './task-home.ts'
import type { UserLabels } from './task-options.ts'
import { sentAs, uniqueOf } from './unique-policy.ts'

/** What a kicker was told. */
interface Kick {
  readonly labels: Labels
  readonly id?: string
  readonly queue?: string
  readonly delay?: number
  readonly at?: number
  readonly expiry?: { readonly in?: number; readonly at?: number; readonly children: boolean }
  readonly broker?: BrokerIdentity
  readonly transaction?: unknown
}

/** What one was told that was told nothing. */
const plainKick: Kick = { labels: noLabels }

/** A kicker whose types have been checked by {@link Kicker}. */
export function makeKicker(
  home: TaskHome,
  task: RegisteredTask,
  kick: Kick = plainKick,
): Kicker<unknown[], unknown> {
  const but = (more: Partial<Kick>): Kicker<unknown[], unknown> =>
    makeKicker(home, task, { ...kick, ...more })
  const label = (name: string, value: LabelValue): Kicker<unknown[], unknown> =>
    but({ labels: { ...kick.labels, [name]: value } })
  const plan = (
    source: ScheduleSource,
    line: ScheduleLine,
    args: readonly unknown[],
  ): Promise<ScheduleHandle<unknown>> => {
    const runtime = kick.broker === undefined ? home.runtime(task.name) : runtimeOf(kick.broker)
    const parts = { args, labels: kick.labels, queue: kick.queue, taskId: kick.id }
    checkPlannable(kick)
    return scheduleTask(runtime, task, { source, line, parts })
  }
  return {
    withLabels: (labels: UserLabels) => but({ labels: { ...kick.labels, ...checkLabels(labels) } }),
    withTaskId: (id: string) => but({ id: checkId(id) }),
    withQueue: (queue: string) => but({ queue: checkName(queue, 'queue') }),
    withDelay: (delay: Duration) => {
      const { at: _, ...rest } = kick
      return makeKicker(home, task, { ...rest, delay: withinTime(milliseconds(delay)) })
    },
    withEta: (at: Date) => {
      const { delay: _, ...rest } = kick
      return makeKicker(home, task, { ...rest, at: checkDate(at) })
    },
    withExpiry: (expiry: Duration | Date, { children = false }: ExpiryOptions = {}) =>
      but({
        expiry:
          expiry instanceof Date
            ? { at: checkDate(expiry), children }
            : { in: withinTime(milliseconds(expiry)), children },
      }),
    withPriority: (priority: Priority) => label('priority', checkedPriority(priority)),
    withTimeout: (timeout: Duration) => label('timeout', positive(milliseconds(timeout)) / 1000),
    withBroker: (broker: BrokerIdentity) => but({ broker }),
    withTransaction: (transaction: unknown) => but({ transaction }),
    kiq: (...args: unknown[]) => kiq(home, task, { args, kick }),
    scheduleByCron: async (source, line, ...args) => plan(source, lineFrom.cron(line), args),
    scheduleByInterval: async (source, line, ...args) => plan(source, lineFrom.every(line), args),
    scheduleByTime: async (source, line, ...args) => plan(source, lineFrom.at(line), args),
  }
}

/** @throws UnsupportedError for what a plan does not keep. */
function checkPlannable(kick: Kick): void {
  const unkept =
    kick.delay !== undefined || kick.at !== undefined
      ? 'a delay: its line says when'
      : kick.expiry !== undefined
        ? 'an expiry'
        : 'transaction' in kick
          ? 'a transaction'
          : undefined
  if (unkept !== undefined) throw new UnsupportedError(`a plan has no place for ${unkept}.`)
}

/** Sends one message. Called by a task itself too, which needs no kicker where it has nothing to say. */
export async function kiq(
  home: TaskHome,
  task: RegisteredTask,
  { args, kick = plainKick }: { args: readonly unknown[]; kick?: Kick },
): Promise<TaskHandle<unknown>> {
  const runtime = kick.broker === undefined ? home.runtime(task.name) : runtimeOf(kick.broker)
  const prepared = prepare(runtime, task, { args, kick })
  // Written down before anything is waited for: what the caller does to his objects after the call is
  // not in the message.
  const isWithin = 'transaction' in kick
  const complete = prepared instanceof Promise ? await prepared : prepared
  // The user's transaction holds the store, in which nothing can be kept beside it.
  const outgoing = runtime.sender.pack(isWithin ? { ...complete, whole: true } : complete)
  if (!runtime.isStarted()) await runtime.start()
  const status = isWithin
    ? await sendWithin(runtime, outgoing, kick.transaction)
    : await runtime.sender.send(outgoing)
  // Inside the user's transaction it is not there yet for others: that is left to a worker.
  if (task.gates !== undefined && !isWithin)
    await endDropped(runtime, [outgoing.message.id], [status])
  return handleOf({ runtime, task }, sentAs(task, outgoing.message.id, status))
}

/** The message and the route of one call; at once, unless a schema has to be waited for. @throws InvalidInputError */
export function prepare(
  runtime: BrokerRuntime,
  task: RegisteredTask,
  { args, kick = plainKick }: { args: readonly unknown[]; kick?: Kick },
): Outgoing | Promise<Outgoing> {
  const travelling = toTravel(task, args)
  return travelling instanceof Promise
    ? travelling.then((checked) => assemble(runtime, task, { travelling: checked, args, kick }))
    : assemble(runtime, task, { travelling, args, kick })
}

function assemble(
  runtime: BrokerRuntime,
  task: RegisteredTask,
  { travelling, args, kick }: { travelling: Travelling; args: readonly unknown[]; kick: Kick },
): Outgoing {
  const line = runtime.lineage.current()
  const { expires, labels: timely } = expiryLabels(expiryOf(kick, task, runtime), line)
  const id = kick.id ?? runtime.ids()
  const labels = labelsOf(task, [kick.labels, timely, lineLabels(line)])
  const message: Message = { id, task: task.name, ...travelling, labels }
  const route: Route = {
    fresh: kick.id === undefined,
    queue: kick.queue ?? task.queue ?? runtime.defaultQueue,
    priority: priorityNumber(labels['priority']) ?? normalPriority,
    delay: kick.delay,
    at: kick.at,
    expires,
  }
  const { unique, gates } = task
  if (unique === undefined && gates === undefined) return { message, route }
  const gated = gates === undefined ? route : { ...route, gates: gatesOf(task, gates, args) }
  if (unique === undefined) return { message, route: gated }
  const delay = kick.delay ?? (kick.at === undefined ? unique.delay : undefined)
  return { message, route: { ...gated, delay, unique: uniqueOf(task, unique, args) } }
}

/** What a task says of each of its messages, and what else is said of this one. Most are sent with nothing said. */
function labelsOf(task: RegisteredTask, more: readonly Labels[]): Labels {
  const { priority = normalPriority } = task
  let labels: Labels =
    priority === normalPriority ? { ...task.labels } : { ...task.labels, priority }
  for (const each of more) if (each !== noLabels) labels = { ...labels, ...each }
  return labels
}

async function sendWithin(
  runtime: BrokerRuntime,
  outgoing: Outgoing,
  transaction: unknown,
): Promise<SendStatus> {
  const { transactions } = runtime
  if (transactions === undefined) {
    throw new UnsupportedError(
      `transport '${runtime.transport.name}' cannot send inside a transaction of the user's.`,
    )
  }
  return runtime.sender.sendWithin(outgoing, async (envelope) => {
    const [status = 'stored'] = await transactions.sendWithin(transaction, [envelope])
    return status
  })
}

function expiryOf({ expiry }: Kick, task: RegisteredTask, runtime: BrokerRuntime) {
  const given = expiry ?? task.expires
  if (given === undefined) return undefined
  const { at = runtime.surroundings.clock.now() + (given.in ?? 0) } = expiry ?? {}
  return { at, children: given.children }
}

/** A Date ends here, and the integers of stores do not reach much further. */
const longestDelay = 8.64e15 / 2

function withinTime(ms: number): number {
  if (ms <= longestDelay) return ms
  throw new InvalidInputError(`${ms} ms from now is no moment that a store could keep.`)
}

function checkId(id: unknown): string {
  if (isId(id)) return id
  throw new InvalidInputError('a task id is 1 to 128 letters, digits and _ . : -.')
}

function checkDate(date: Date): number {
  const at = date instanceof Date ? date.getTime() : Number.NaN
  if (Number.isNaN(at)) throw new InvalidInputError('give a valid Date.')
  return at
}

function checkedPriority(priority: Priority): number {
  const level = priorityNumber(priority)
  if (level !== undefined) return level
  throw new InvalidInputError(
    "a priority is 'low', 'normal', 'high', 'critical' or a whole number from 0 to 9.",
  )
}

function positive(ms: number): number {
  if (ms > 0) return ms
  throw new InvalidInputError('a timeout must be more than 0.')
}
