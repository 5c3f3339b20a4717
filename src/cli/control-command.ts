import type { Inspector } from '../core/inspector.ts'
import type { LabelValue } from '../core/labels.ts'
import type { inspectable } from './inspectable.ts'
import { exitCodes, type ExitCode } from './exit-codes.ts'
import { toJson } from './printable-data.ts'
import { safeText } from './safe-text.ts'
import { table } from './table.ts'
import type { Terminal } from './terminal.ts'
import { UsageError } from './usage-error.ts'
import { withBroker } from './with-broker.ts'

/** What `taskwright inspect` was told. */
export interface InspectCommand {
  readonly what: (typeof inspectable)[number]
  readonly target: string
  readonly flags: {
    readonly worker?: readonly string[] | undefined
    readonly wait: number
    readonly queue?: string | undefined
    readonly limit: number
    readonly after?: string | undefined
    readonly json?: boolean | undefined
  }
}

type Rows = readonly Readonly<Record<string, unknown>>[]

/** Prints what running workers say of themselves, or what the store has put off. */
export function inspectWorkers(
  { what, target, flags }: InspectCommand,
  terminal: Terminal,
): Promise<ExitCode> {
  if (flags.after !== undefined && flags.queue === undefined)
    throw new UsageError('--after needs --queue: pages are those of one queue.')
  return withBroker(target, async (broker) => {
    const { control, inspector } = broker
    const options = { workers: flags.worker, wait: flags.wait }
    const rows = await ((): Promise<Rows> => {
      switch (what) {
        case 'ping':
          return control.ping(options).then((names) => names.map((worker) => ({ worker })))
        case 'stats':
          return control.stats(options).then((all) => all.map((one) => ({ ...one })))
        case 'active':
          return control.active(options).then((all) => all.map((one) => ({ ...one })))
        case 'registered':
          return control.registered(options)
        case 'messages':
        case 'scheduled':
          return stored(inspector, what, flags)
        case 'paused':
          return control
            .paused()
            .then(({ queues, tasks }) => [
              ...queues.map((queue) => ({ paused: 'queue', name: queue })),
              ...tasks.map((task) => ({ paused: 'task', name: task })),
            ])
      }
    })()
    print(rows, flags.json === true, terminal)
    const asked = ['ping', 'stats', 'active', 'registered'].includes(what)
    if (rows.length > 0 || !asked || what === 'active') return exitCodes.done
    if (flags.json !== true) terminal.err('no worker answers')
    return exitCodes.noResult
  })
}

/** The most messages of one page. */
const pageSize = 200

async function stored(
  inspector: Pick<Inspector, 'queues' | 'peek' | 'scheduled'>,
  what: 'messages' | 'scheduled',
  { queue, limit, after: start }: InspectCommand['flags'],
): Promise<Rows> {
  const queues = queue === undefined ? (await inspector.queues()).map((one) => one.queue) : [queue]
  const rows: Record<string, unknown>[] = []
  for (const name of queues) {
    for (let after = start; rows.length < limit;) {
      const page = { limit: Math.min(pageSize, limit - rows.length), after }
      const found = await (what === 'scheduled'
        ? inspector.scheduled(name, page)
        : inspector.peek(name, page))
      for (const { id, state, priority, redeliveries, at } of found) {
        const time = new Date(at).toISOString()
        if (what === 'scheduled') rows.push({ id, queue: name, at: time })
        else rows.push({ id, queue: name, state, priority, redeliveries, at: time })
      }
      after = found.at(-1)?.id
      if (found.length < page.limit) break
    }
  }
  return rows
}

function print(rows: Rows, json: boolean, terminal: Terminal): void {
  if (json) return terminal.out(toJson(rows))
  const [first] = rows
  if (first === undefined) return
  const titles = Object.keys(first)
  const columns = titles.map((title) => ({ title }))
  const cells = rows.map((row) =>
    titles.map((title) => {
      const value = row[title]
      return safeText(Array.isArray(value) ? value.join(', ') : String(value))
    }),
  )
  for (const line of table(columns, cells, terminal.outColours.bold)) terminal.out(line)
}

/** What `taskwright pause` and `resume` were told. */
export interface PauseCommand {
  readonly target: string
  readonly flags: {
    readonly queue?: readonly string[] | undefined
    readonly task?: readonly string[] | undefined
  }
}

/** Holds queues and tasks back for all workers, or lets them go again. */
export function pause(
  how: 'pause' | 'resume',
  { target, flags }: PauseCommand,
  terminal: Terminal,
): Promise<ExitCode> {
  const { queue: queues = [], task: tasks = [] } = flags
  if (queues.length + tasks.length === 0) throw new UsageError('give --queue or --task.')
  return withBroker(target, async (broker) => {
    await broker.control[how]({ queues, tasks })
    const done = how === 'pause' ? 'paused' : 'resumed'
    terminal.out(`${done} ${[...queues, ...tasks].map(safeText).join(', ')}`)
    return exitCodes.done
  })
}

/** What `taskwright cancel` was told. */
export interface CancelCommand {
  readonly target: string
  readonly ids: readonly string[]
  readonly flags: {
    readonly reason: string
    readonly queue?: string | undefined
    readonly task?: string | undefined
    readonly label?: Readonly<Record<string, LabelValue>> | undefined
    readonly children?: boolean | undefined
    readonly json?: boolean | undefined
  }
}

/** Cancels messages by id, or all that fit. */
export function cancel(
  { target, ids, flags }: CancelCommand,
  terminal: Terminal,
): Promise<ExitCode> {
  const { queue, task, label: labels, reason } = flags
  const filtered = [queue, task, labels].some((one) => one !== undefined)
  if (filtered === ids.length > 0)
    throw new UsageError('name the ids, or give --task, --queue or --label.')
  return withBroker(target, async (broker) => {
    let cancelled: readonly string[]
    const { children } = flags
    if (filtered)
      cancelled = await broker.cancelWhere({ queue, task, labels }, reason, { children })
    else {
      const answers = await Promise.all(
        ids.map((id) => broker.handle(id).cancel(reason, { children })),
      )
      cancelled = ids.filter((_, i) => answers[i] === true)
    }
    if (flags.json === true) terminal.out(toJson({ cancelled }))
    else
      terminal.out(
        `cancelled ${cancelled.length === 1 ? '1 message' : `${cancelled.length} messages`}`,
      )
    return filtered || cancelled.length === ids.length ? exitCodes.done : exitCodes.failed
  })
}

/** What `taskwright control` was told. */
export interface ControlCommand {
  readonly what: 'shutdown' | 'scale'
  readonly target: string
  readonly flags: {
    readonly worker?: readonly string[] | undefined
    readonly wait: number
    readonly timeout?: number | undefined
    readonly concurrency?: number | undefined
    readonly prefetch?: number | undefined
  }
}

/** Stops or scales running workers. */
export function control(
  { what, target, flags }: ControlCommand,
  terminal: Terminal,
): Promise<ExitCode> {
  const { worker: workers, wait, timeout, concurrency, prefetch } = flags
  if (what === 'scale' && concurrency === undefined && prefetch === undefined)
    throw new UsageError('give --concurrency or --prefetch.')
  return withBroker(target, async (broker) => {
    const names =
      what === 'shutdown'
        ? await broker.control.shutdown({ workers, wait, timeout })
        : await broker.control.scale({ concurrency, prefetch }, { workers, wait })
    for (const name of names) terminal.out(safeText(name))
    if (names.length > 0) return exitCodes.done
    terminal.err('no worker answers')
    return exitCodes.noResult
  })
}

/** What `taskwright limit` was told. */
export interface LimitCommand {
  readonly target: string
  readonly name: string
  readonly flags: {
    /** `off` lets what the code says hold again. */
    readonly concurrency?: number | 'off' | undefined
    readonly rate?: { readonly limit: number; readonly per: number } | 'off' | undefined
    readonly key?: string | undefined
  }
}

/** Sets how many messages of a task run at once, or a rate, for all processes. */
export function limit(
  { target, name, flags }: LimitCommand,
  terminal: Terminal,
): Promise<ExitCode> {
  const { concurrency, rate, key } = flags
  if ((concurrency === undefined) === (rate === undefined))
    throw new UsageError('give --concurrency or --rate: a number, or off.')
  return withBroker(target, async (broker) => {
    const orNull = <T>(value: T | 'off'): T | null => (value === 'off' ? null : value)
    if (concurrency !== undefined) await broker.setConcurrency(name, orNull(concurrency), key)
    if (rate !== undefined) await broker.setRate(name, orNull(rate), key)
    const off = (concurrency ?? rate) === 'off'
    const what = [name, ...(key === undefined ? [] : [key])].map(safeText).join(', ')
    terminal.out(off ? `what the code says holds again: ${what}` : `set for all processes: ${what}`)
    return exitCodes.done
  })
}
