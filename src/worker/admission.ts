import type { Delivery } from '../core/delivery.ts'
import type { Message } from '../core/message.ts'
import { numberLabel } from '../broker/check-labels.ts'
import { failedRunsOf } from '../broker/failed-runs.ts'
import type { Ending } from '../broker/finish.ts'
import type { AnyHandler, RegisteredTask } from '../broker/registry.ts'
import type { BrokerRuntime } from '../broker/runtime.ts'
import { cancelledEnding, deadEnding } from './endings.ts'
import type { ForeignFires } from './foreign-fires.ts'
import type { Run } from './run.ts'
import type { UnknownTaskPolicy } from './worker-options.ts'

/** A message that may run: decoded, known, within its budget and its time. */
export interface Runnable {
  readonly message: Message
  readonly task: RegisteredTask & { readonly handler: AnyHandler }
}

/** What may run, or how it ends without running. */
export type Admitted = Runnable | { readonly ending: Ending }

/** What is looked at before a message may run. */
export interface AdmissionOptions {
  readonly runtime: BrokerRuntime
  readonly unknownTask: UnknownTaskPolicy
  readonly redeliveries: number
  /** Tasks that are not to be started now. */
  readonly pausedTasks: ReadonlySet<string>
  /** Absent where no other scheduler can be. */
  readonly foreignFires?: ForeignFires | undefined
}

/** How soon a message that nobody here knows may be looked at by somebody else. */
const giveBackDelay = 2000
/** How soon a message of a paused task is looked at again. */
const pausedDelay = 5000

/** Whether a delivery may run; otherwise how it ends without running. */
export function admit(
  run: Run,
  { runtime, redeliveries, unknownTask, pausedTasks, foreignFires }: AdmissionOptions,
): Admitted {
  const { delivery } = run
  let message: Message | undefined
  let malformed: unknown
  try {
    message = ownId(runtime.codec.decodeMessage(delivery.body), delivery)
  } catch (error) {
    malformed = error
  }
  const task = message === undefined ? undefined : runtime.taskOf(message.task)
  const about = { delivery, message, task }
  if (message !== undefined) {
    run.message = message
    run.taskName = message.task
    run.attempt = failedRunsOf(message.labels) + 1
  }
  if (delivery.cancelled !== undefined)
    return { ending: cancelledEnding(about, delivery.cancelled) }
  if (message === undefined) {
    const why = malformed instanceof Error ? malformed.message : String(malformed)
    return { ending: deadEnding(about, 'malformed', why) }
  }
  if (delivery.redeliveries > redeliveries) {
    const times = `its lease was lost ${delivery.redeliveries} times (${redeliveries} are allowed)`
    return { ending: deadEnding(about, 'poison', `${times}: it may be what ends its workers`) }
  }
  const expires =
    delivery.expires ?? numberLabel(message.labels['tw_expires']) ?? stepExpiry(message, about)
  if (expires !== undefined && runtime.surroundings.clock.now() > expires) {
    return {
      ending: deadEnding(about, 'expired', `it had to start before ${timeText(expires)}`),
    }
  }
  if (pausedTasks.size > 0 && pausedTasks.has(message.task)) return { ending: putOff(delivery) }
  // Once for each message: a retry has been looked at.
  const foreign =
    run.attempt === 1 && delivery.redeliveries === 0 ? foreignFires?.look(message) : undefined
  if (foreign !== undefined) return { ending: cancelledEnding(about, foreign) }
  if (isRunnable(task)) return { message, task }
  return { ending: unknownEnding(about, message.task, unknownTask) }
}

/** A step of a workflow is written down long before its turn: its time counts from when it came. */
function stepExpiry(
  { labels }: Message,
  { task, delivery }: { task: RegisteredTask | undefined; delivery: Delivery },
): number | undefined {
  if (task?.expires === undefined || labels['tw_run'] === undefined) return undefined
  return delivery.enqueuedAt + task.expires.in
}

/** A message of a paused task is looked at again a little later. */
function putOff(delivery: Delivery): Ending {
  const outcome = { kind: 'retry', delay: pausedDelay, body: delivery.body } as const
  return { claim: delivery, outcome, task: undefined }
}

/** A step of a workflow is written down once for all generations: what counts is the id under which it was sent. */
function ownId(message: Message, { id }: Delivery): Message {
  return message.id === id || message.labels['tw_run'] === undefined ? message : { ...message, id }
}

function isRunnable(task: RegisteredTask | undefined): task is Runnable['task'] {
  return task?.handler !== undefined
}

/** A time from a label may be none that a Date can hold. */
function timeText(ms: number): string {
  return Math.abs(ms) <= 8.64e15 ? new Date(ms).toISOString() : String(ms)
}

/** How a message ends whose task is not registered (or only as a remote one) here. */
function unknownEnding(
  about: { delivery: Delivery; message: Message | undefined; task: RegisteredTask | undefined },
  name: string,
  policy: UnknownTaskPolicy,
): Ending {
  const { delivery } = about
  if (policy === 'set-aside') {
    return deadEnding(
      about,
      'unknown',
      `no task '${name}' is registered in this worker: is its module loaded?`,
    )
  }
  const queue = policy === 'give-back' ? undefined : policy.forward
  return {
    claim: delivery,
    outcome: {
      kind: 'retry',
      delay: queue === undefined ? giveBackDelay : 0,
      body: delivery.body,
      queue,
    },
    task: undefined,
  }
}
