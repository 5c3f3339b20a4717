import type { TaskHandle } from '../broker/task-handle.ts'
import { errorData } from '../core/error-data.ts'
import { ResultTimeoutError } from '../core/errors.ts'
import type { TaskResult } from '../core/result.ts'
import { transitions } from '../core/states.ts'
import { exitCodes, type ExitCode } from './exit-codes.ts'
import { printable, toJson } from './printable-data.ts'
import { safeLines, safeText } from './safe-text.ts'
import { pad } from './table.ts'
import type { Terminal } from './terminal.ts'
import { withBroker } from './with-broker.ts'

/** The flags of `taskwright result`. */
export interface ResultFlags {
  /** Milliseconds, or `true` for as long as it takes. */
  readonly wait?: number | true | undefined
  readonly json?: boolean | undefined
}

/** What `taskwright result` was told. */
export interface ResultCommand {
  readonly target: string
  readonly id: string
  readonly flags: ResultFlags
}

/** A result that is kept is there at once; this is for a store that is slow to answer. */
const shortWait = 5000

/** Prints where a message is, and its result when it has ended. */
export function showResult(
  { target, id, flags }: ResultCommand,
  terminal: Terminal,
): Promise<ExitCode> {
  return withBroker(target, async (broker) => {
    const handle = broker.handle(id)
    const json = flags.json === true
    if (flags.wait !== undefined) {
      const timeout = flags.wait === true ? undefined : flags.wait
      return printOutcome(handle, { timeout, json }, terminal)
    }
    const status = await handle.status()
    if (status === null) {
      if (json) terminal.out(toJson({ id, status }))
      else terminal.err(`nothing is kept of ${id}: it was never sent, or its result has expired`)
      return exitCodes.noResult
    }
    // What has ended has a result, unless its task keeps none.
    if (transitions[status].length === 0 || status === 'failed' || status === 'dead') {
      return printOutcome(handle, { timeout: shortWait, json }, terminal)
    }
    const progress = await handle.progress()
    if (json) terminal.out(toJson({ id, status, progress }))
    else
      printLines(
        [
          ['status', status],
          ...(progress === null ? [] : [['progress', safeText(toJson(progress))] as const]),
        ],
        terminal,
      )
    return exitCodes.noResult
  })
}

/** Waits for an outcome and prints it. */
export async function printOutcome(
  handle: TaskHandle<unknown>,
  { timeout, json }: { timeout: number | undefined; json: boolean },
  terminal: Terminal,
): Promise<ExitCode> {
  let result: TaskResult<unknown>
  try {
    result = await handle.waitResult({ timeout })
  } catch (error) {
    if (!(error instanceof ResultTimeoutError)) throw error
    const status = await handle.status()
    if (json) terminal.out(toJson({ id: handle.taskId, status }))
    else terminal.err(`no result yet; the message is ${status ?? 'not kept'}`)
    return exitCodes.noResult
  }
  if (json) terminal.out(toJson(asData(handle.taskId, result)))
  else print(result, terminal)
  return result.isErr ? exitCodes.taskFailed : exitCodes.done
}

function asData(id: string, result: TaskResult<unknown>): object {
  const { status, executionTime, labels, returnValue } = result
  const error = result.isErr ? errorData(result.error) : null
  return { id, status, executionTime, labels, returnValue, error }
}

function print(result: TaskResult<unknown>, terminal: Terminal): void {
  const { outColours: colours } = terminal
  const paint = result.isErr ? colours.red : colours.green
  printLines(
    [
      ['status', paint(result.status)],
      ['took', `${result.executionTime.toFixed(3)} s`],
      result.isErr
        ? ['error', safeLines(result.error.message)]
        : ['value', printable(result.returnValue)],
    ],
    terminal,
  )
  const stack =
    result.isErr && result.error.cause instanceof Error ? result.error.cause.stack : undefined
  if (stack !== undefined) terminal.out(colours.dim(safeLines(stack)))
}

function printLines(lines: readonly (readonly [string, string])[], terminal: Terminal): void {
  for (const [title, text] of lines) {
    const indented = text.replaceAll('\n', `\n${' '.repeat(10)}`)
    terminal.out(`${terminal.outColours.dim(pad(title, 10))}${indented}`)
  }
}
