import type { Broker } from '../broker/broker.ts'
import { fromTravel } from '../broker/arguments.ts'
import { makeKicker } from '../broker/kicker.ts'
import type { RegisteredTask } from '../broker/registry.ts'
import { runtimeOf } from '../broker/runtime.ts'
import type { Kicker } from '../broker/task.ts'
import { TaskHome } from '../broker/task-home.ts'
import type { LabelValue, Priority } from '../core/labels.ts'
import { nearestNames } from '../worker/nearest-names.ts'
import { exitCodes, type ExitCode } from './exit-codes.ts'
import { loadBroker } from './load-broker.ts'
import { toJson } from './printable-data.ts'
import { printOutcome } from './result-command.ts'
import type { Terminal } from './terminal.ts'
import { UsageError } from './usage-error.ts'

/** The flags of `taskwright send`. */
export interface SendFlags {
  readonly args?: readonly unknown[] | undefined
  readonly kwargs?: Readonly<Record<string, unknown>> | undefined
  readonly module?: readonly string[] | undefined
  readonly queue?: string | undefined
  readonly delay?: number | undefined
  readonly priority?: Priority | undefined
  readonly label?: Readonly<Record<string, LabelValue>> | undefined
  readonly id?: string | undefined
  readonly remote?: boolean | undefined
  /** Milliseconds, or `true` for as long as it takes. */
  readonly wait?: number | true | undefined
  readonly json?: boolean | undefined
}

/** What `taskwright send` was told. */
export interface SendCommand {
  readonly target: string
  readonly task: string
  readonly flags: SendFlags
}

/** Sends one message and prints its id; with `--wait` also its outcome. */
export async function send(
  { target, task, flags }: SendCommand,
  terminal: Terminal,
): Promise<ExitCode> {
  const broker = await loadBroker(target, flags.module)
  try {
    const { kicker, args } = await prepare(broker, task, flags)
    const handle = await withFlags(kicker, flags).kiq(...args)
    const { taskId: id, isDuplicate: duplicate } = handle
    if (flags.wait === undefined) {
      if (flags.json === true) terminal.out(toJson({ id, task, duplicate }))
      else terminal.out(id)
      if (duplicate) {
        const what = handle.conflict === undefined ? 'this id' : 'this unique key'
        terminal.err(`a message of ${what} is already kept: nothing was sent`)
      }
      if (handle.conflict?.kind === 'full')
        terminal.err('a limit of the task is full: this message is cancelled')
      return exitCodes.done
    }
    if (flags.json !== true)
      terminal.err(terminal.errColours.dim(`sent ${id}, waiting for its result`))
    const timeout = flags.wait === true ? undefined : flags.wait
    return await printOutcome(handle, { timeout, json: flags.json === true }, terminal)
  } finally {
    await broker.stop()
  }
}

interface Prepared {
  readonly kicker: Kicker<unknown[], unknown>
  readonly args: readonly unknown[]
}

async function prepare(broker: Broker, name: string, flags: SendFlags): Promise<Prepared> {
  const runtime = runtimeOf(broker)
  const { args = [], kwargs } = flags
  const task = runtime.registry.get(name)
  if (task === undefined) return prepareRemote(broker, name, flags)
  const home = new TaskHome()
  home.settle(runtime)
  const kicker = makeKicker(home, task)
  if (kwargs === undefined) return { kicker, args }
  if (task.input !== undefined) return { kicker, args: oneObject(task, args, kwargs) }
  const message = { id: '', task: name, args, kwargs, labels: {} }
  return { kicker, args: (await fromTravel(task, message)).positional }
}

function oneObject(
  task: RegisteredTask,
  args: readonly unknown[],
  kwargs: Readonly<Record<string, unknown>>,
): readonly unknown[] {
  if (args.length === 0) return [kwargs]
  throw new UsageError(`task '${task.name}' takes one object: give it by --kwargs alone.`)
}

/** A task that this broker does not know: a typing mistake, unless `--remote` says otherwise. */
function prepareRemote(broker: Broker, name: string, flags: SendFlags): Prepared {
  const { args = [], kwargs } = flags
  if (flags.remote !== true) {
    const known = runtimeOf(broker)
      .registry.all()
      .map((task) => task.name)
    const [near] = nearestNames(name, known)
    const hint =
      near !== undefined
        ? `Did you mean ${near}?`
        : known.length === 0
          ? 'It knows no task at all: name the files that define them with --module.'
          : `It knows ${known.slice(0, 20).join(', ')}.`
    throw new UsageError(
      `this broker has no task '${name}'. ${hint} Give --remote to send it for a worker that has it.`,
    )
  }
  if (kwargs !== undefined && args.length > 0) {
    throw new UsageError(
      'give the arguments of a remote task by --args or by --kwargs, not by both.',
    )
  }
  if (kwargs === undefined)
    return { kicker: broker.remoteTask<unknown[], unknown>(name).kicker(), args }
  const remote = broker.remoteTask<unknown[], unknown>({ name, params: Object.keys(kwargs) })
  return { kicker: remote.kicker(), args: Object.values(kwargs) }
}

function withFlags(
  kicker: Kicker<unknown[], unknown>,
  flags: SendFlags,
): Kicker<unknown[], unknown> {
  let so = kicker
  if (flags.label !== undefined) so = so.withLabels(flags.label)
  if (flags.queue !== undefined) so = so.withQueue(flags.queue)
  if (flags.delay !== undefined) so = so.withDelay(flags.delay)
  if (flags.priority !== undefined) so = so.withPriority(flags.priority)
  if (flags.id !== undefined) so = so.withTaskId(flags.id)
  return so
}
