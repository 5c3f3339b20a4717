import type { Broker } from '../broker/broker.ts'
import { apartId, apartLabels } from '../broker/claim-check.ts'
import type { DeadFilter, DeadMessage } from '../broker/dead-letters.ts'
import { systemClock } from '../core/clock.ts'
import type { LabelValue } from '../core/labels.ts'
import type { Body, Message } from '../core/message.ts'
import type { DeadReason } from '../core/states.ts'
import { exitCodes, type ExitCode } from './exit-codes.ts'
import { isoTime, printable, toJson } from './printable-data.ts'
import { safeLines, safeText } from './safe-text.ts'
import { pad, table } from './table.ts'
import type { Terminal } from './terminal.ts'
import { UsageError } from './usage-error.ts'
import { withBroker } from './with-broker.ts'

/** Which dead letters a command means. */
export interface DeadFilterFlags {
  readonly queue?: string | undefined
  readonly task?: string | undefined
  readonly reason?: DeadReason | undefined
  readonly label?: Readonly<Record<string, LabelValue>> | undefined
  readonly error?: string | undefined
  /** Milliseconds: set aside longer ago than this. */
  readonly olderThan?: number | undefined
}

/** What `taskwright dead list` was told. */
export interface DeadListCommand {
  readonly target: string
  readonly flags: DeadFilterFlags & {
    readonly limit: number
    readonly after?: string | undefined
    readonly json?: boolean | undefined
  }
}

const shownDetail = 60

/** Prints dead letters, newest first. */
export function listDead(
  { target, flags }: DeadListCommand,
  terminal: Terminal,
): Promise<ExitCode> {
  return withBroker(target, async (broker) => {
    const { limit, after } = flags
    const letters = await pageOf(broker, flags)
    if (flags.json === true) {
      terminal.out(toJson(letters.map(asData)))
      return exitCodes.done
    }
    if (letters.length === 0) {
      terminal.err(after === undefined ? 'no dead letters' : 'no more dead letters')
      return exitCodes.done
    }
    const rows = letters.map(({ id, queue, message, reason, at, detail }) => [
      ...[id, queue, message?.task ?? '(unreadable)', reason, isoTime(at), shorten(detail)],
    ])
    const columns = ['id', 'queue', 'task', 'reason', 'since', 'detail'].map((title) => ({ title }))
    const safe = rows.map((row) => row.map(safeText))
    for (const line of table(columns, safe, terminal.outColours.bold)) terminal.out(line)
    const last = letters.at(-1)
    if (last !== undefined && letters.length === limit) {
      terminal.err(terminal.errColours.dim(`There may be more: --after ${safeText(last.id)}`))
    }
    return exitCodes.done
  })
}

/** A page of those that fit. */
async function pageOf(
  broker: Broker,
  flags: DeadListCommand['flags'],
): Promise<readonly DeadMessage[]> {
  const found: DeadMessage[] = []
  let seen = flags.after === undefined
  for await (const dead of broker.deadLetters.search(filterOf(flags))) {
    if (seen) found.push(dead)
    if (dead.id === flags.after) seen = true
    if (found.length >= flags.limit) break
  }
  return found
}

/** The filter of some flags. */
export function filterOf(flags: DeadFilterFlags): DeadFilter {
  const { queue, task, reason, label: labels, error, olderThan } = flags
  const before = olderThan === undefined ? undefined : new Date(systemClock.now() - olderThan)
  return { queue, task, reason, labels, error, before }
}

/** What `taskwright dead show` was told. */
export interface DeadShowCommand {
  readonly target: string
  readonly id: string
  readonly flags: { readonly json?: boolean | undefined }
}

/** Prints one dead letter with its payload; nothing in it can reach the terminal as more than text. */
export function showDead(
  { target, id, flags }: DeadShowCommand,
  terminal: Terminal,
): Promise<ExitCode> {
  return withBroker(target, async (broker) => {
    const letter = await broker.deadLetters.get(id)
    if (letter === null) {
      terminal.err(`no dead letter has the id ${safeText(id)}`)
      return exitCodes.noResult
    }
    if (flags.json === true) {
      terminal.out(toJson(asData(letter)))
      return exitCodes.done
    }
    const { message } = letter
    const lines: [string, string][] = [
      ['id', safeText(letter.id)],
      ['task', safeText(message?.task ?? '(unreadable)')],
      ['queue', safeText(letter.queue)],
      ['priority', String(letter.priority)],
      ['reason', safeText(letter.reason)],
      ['detail', safeLines(letter.detail)],
      ['since', isoTime(letter.at)],
      ['redelivered', `${letter.redeliveries} times`],
      ...(message === undefined
        ? ([['bytes', safeText(textOf(letter.body))]] as [string, string][])
        : ([...argumentsOf(message), ['labels', printable(message.labels)]] as [string, string][])),
    ]
    for (const [title, text] of lines) {
      const indented = text.replaceAll('\n', `\n${' '.repeat(13)}`)
      terminal.out(`${terminal.outColours.dim(pad(title, 13))}${indented}`)
    }
    return exitCodes.done
  })
}

/** Large ones are not in the message, and would be too many to print. */
function argumentsOf({ args, kwargs, labels }: Message): [string, string][] {
  const id = apartId(labels)
  if (id === undefined)
    return [
      ['args', printable(args)],
      ['kwargs', printable(kwargs)],
    ]
  const size = safeText(String(labels[apartLabels.bytes] ?? '?'))
  return [['args', `${size} bytes, kept apart as ${safeText(id)}`]]
}

/** What `taskwright dead retry` was told. */
export interface DeadRetryCommand {
  readonly target: string
  readonly ids: readonly string[]
  readonly flags: DeadFilterFlags & {
    readonly all?: boolean | undefined
    readonly rate?: number | undefined
    readonly args?: readonly unknown[] | undefined
    readonly kwargs?: Readonly<Record<string, unknown>> | undefined
    readonly json?: boolean | undefined
  }
}

/** Puts dead letters back into their queues with a fresh retry budget. */
export function retryDead(
  { target, ids, flags }: DeadRetryCommand,
  terminal: Terminal,
): Promise<ExitCode> {
  const all = checkWhich(ids, flags)
  return withBroker(target, async (broker) => {
    const wanted = all ? await idsOf(broker, flags) : ids
    const { args, kwargs, rate: perSecond } = flags
    const edit = args === undefined && kwargs === undefined ? undefined : () => ({ args, kwargs })
    const retried = await broker.deadLetters.retry(wanted, { edit, perSecond })
    const there = new Set(retried)
    const missing = wanted.filter((id) => !there.has(id))
    if (flags.json === true) terminal.out(toJson({ retried, missing }))
    else
      terminal.out(`put back ${retried.length === 1 ? '1 message' : `${retried.length} messages`}`)
    if (missing.length === 0) return exitCodes.done
    if (flags.json !== true) terminal.err(`no dead letter: ${missing.map(safeText).join(', ')}`)
    // With --all a letter may have been put back by somebody else meanwhile.
    return all ? exitCodes.done : exitCodes.failed
  })
}

/** What `taskwright dead delete` was told. */
export interface DeadDeleteCommand {
  readonly target: string
  readonly ids: readonly string[]
  readonly flags: DeadFilterFlags & {
    readonly all?: boolean | undefined
    readonly keep?: number | undefined
    readonly json?: boolean | undefined
  }
}

/** Deletes dead letters for good. */
export function deleteDead(
  { target, ids, flags }: DeadDeleteCommand,
  terminal: Terminal,
): Promise<ExitCode> {
  const { keep, queue } = flags
  if (keep !== undefined && (ids.length > 0 || flags.all === true))
    throw new UsageError('--keep says by itself which letters go: leave out ids and --all.')
  const all = keep === undefined && checkWhich(ids, flags)
  return withBroker(target, async (broker) => {
    const { deadLetters } = broker
    const deleted =
      keep === undefined
        ? await deadLetters.delete(all ? filterOf(flags) : ids)
        : await deadLetters.trim({ queue, keep, keepFor: flags.olderThan })
    if (flags.json === true) terminal.out(toJson({ deleted }))
    else terminal.out(`deleted ${deleted === 1 ? '1 dead letter' : `${deleted} dead letters`}`)
    return exitCodes.done
  })
}

/** Whether all that fit are meant. @throws UsageError when it is not clear. */
function checkWhich(
  ids: readonly string[],
  flags: DeadFilterFlags & { readonly all?: boolean | undefined },
): boolean {
  const all = flags.all === true
  if (all === ids.length > 0) throw new UsageError('name the ids, or give --all.')
  const filtered = Object.values(filterOf(flags)).some((value) => value !== undefined)
  if (filtered && !all) throw new UsageError('--queue and the other filters go with --all.')
  return all
}

/** Read to the end before anything is put back: what fails again at once must not be met twice. */
async function idsOf(broker: Broker, flags: DeadFilterFlags): Promise<readonly string[]> {
  const ids: string[] = []
  for await (const { id } of broker.deadLetters.search(filterOf(flags))) ids.push(id)
  return ids
}

function asData(dead: DeadMessage): object {
  const { id, queue, priority, reason, detail, redeliveries, at, body, message } = dead
  const payload =
    message === undefined
      ? { task: null, body }
      : { task: message.task, args: message.args, kwargs: message.kwargs, labels: message.labels }
  return { id, queue, priority, reason, detail, redeliveries, at: isoTime(at), ...payload }
}

function textOf(body: Body): string {
  return typeof body === 'string' ? body : Buffer.from(body).toString('latin1')
}

function shorten(text: string): string {
  const [line = ''] = text.split('\n')
  return line.length > shownDetail ? `${line.slice(0, shownDetail)}…` : line
}
