import type { Broker } from '../broker/broker.ts'
import { runtimeOf } from '../broker/runtime.ts'
import type { DeadLetter } from '../core/inspector.ts'
import type { Body, Message } from '../core/message.ts'
import { exitCodes, type ExitCode } from './exit-codes.ts'
import { isoTime, printable, toJson } from './printable-data.ts'
import { safeLines, safeText } from './safe-text.ts'
import { pad, table } from './table.ts'
import type { Terminal } from './terminal.ts'
import { UsageError } from './usage-error.ts'
import { withBroker } from './with-broker.ts'

/** What `taskwright dead list` was told. */
export interface DeadListCommand {
  readonly target: string
  readonly flags: {
    readonly queue?: string | undefined
    readonly limit: number
    readonly after?: string | undefined
    readonly json?: boolean | undefined
  }
}

const pageSize = 200
const shownDetail = 60

/** Prints dead letters, newest first. */
export function listDead(
  { target, flags }: DeadListCommand,
  terminal: Terminal,
): Promise<ExitCode> {
  return withBroker(target, async (broker) => {
    const { queue, limit, after } = flags
    const letters = await broker.inspector.deadLetters({ queue, limit, after })
    if (flags.json === true) {
      terminal.out(toJson(letters.map((letter) => asData(broker, letter))))
      return exitCodes.done
    }
    if (letters.length === 0) {
      terminal.err('no dead letters')
      return exitCodes.done
    }
    const rows = letters.map((letter) => [
      letter.id,
      letter.queue,
      messageOf(broker, letter.body)?.task ?? '(unreadable)',
      letter.reason,
      isoTime(letter.at),
      shorten(letter.detail),
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
    const letter = await broker.inspector.deadLetter(id)
    if (letter === null) {
      terminal.err(`no dead letter has the id ${safeText(id)}`)
      return exitCodes.noResult
    }
    if (flags.json === true) {
      terminal.out(toJson(asData(broker, letter)))
      return exitCodes.done
    }
    const message = messageOf(broker, letter.body)
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
        : ([
            ['args', printable(message.args)],
            ['kwargs', printable(message.kwargs)],
            ['labels', printable(message.labels)],
          ] as [string, string][])),
    ]
    for (const [title, text] of lines) {
      const indented = text.replaceAll('\n', `\n${' '.repeat(13)}`)
      terminal.out(`${terminal.outColours.dim(pad(title, 13))}${indented}`)
    }
    return exitCodes.done
  })
}

/** What `taskwright dead retry` was told. */
export interface DeadRetryCommand {
  readonly target: string
  readonly ids: readonly string[]
  readonly flags: {
    readonly all?: boolean | undefined
    readonly queue?: string | undefined
    readonly json?: boolean | undefined
  }
}

/** Puts dead letters back into their queues with a fresh retry budget. */
export function retryDead(
  { target, ids, flags }: DeadRetryCommand,
  terminal: Terminal,
): Promise<ExitCode> {
  const all = flags.all === true
  if (all === ids.length > 0) throw new UsageError('name the ids to retry, or give --all.')
  if (flags.queue !== undefined && !all) throw new UsageError('--queue goes with --all.')
  return withBroker(target, async (broker) => {
    const wanted = all ? await allIds(broker, flags.queue) : ids
    const retried = wanted.length === 0 ? [] : await broker.retryDead(wanted)
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

/** Read to the end before anything is put back: what fails again at once must not be met twice. */
async function allIds(broker: Broker, queue: string | undefined): Promise<readonly string[]> {
  const ids: string[] = []
  for (let after: string | undefined; ; after = ids.at(-1)) {
    const page = await broker.inspector.deadLetters({ queue, limit: pageSize, after })
    ids.push(...page.map(({ id }) => id))
    if (page.length < pageSize) return ids
  }
}

function asData(broker: Broker, letter: DeadLetter): object {
  const { id, queue, priority, reason, detail, redeliveries, at, body } = letter
  const message = messageOf(broker, body)
  const payload =
    message === undefined
      ? { task: null, body }
      : { task: message.task, args: message.args, kwargs: message.kwargs, labels: message.labels }
  return { id, queue, priority, reason, detail, redeliveries, at: isoTime(at), ...payload }
}

function messageOf(broker: Broker, body: Body): Message | undefined {
  try {
    return runtimeOf(broker).codec.decodeMessage(body)
  } catch {
    // It may be dead because it is malformed: then its bytes are shown.
    return undefined
  }
}

function textOf(body: Body): string {
  return typeof body === 'string' ? body : Buffer.from(body).toString('latin1')
}

function shorten(text: string): string {
  const [line = ''] = text.split('\n')
  return line.length > shownDetail ? `${line.slice(0, shownDetail)}…` : line
}
