import { apartId, apartLabels, readApart } from '../broker/claim-check.ts'
import type { Ending } from '../broker/finish.ts'
import type { BrokerRuntime } from '../broker/runtime.ts'
import type { Runnable } from './admission.ts'
import { deadEnding } from './endings.ts'
import type { Patience } from './patience.ts'
import type { Run } from './run.ts'

/** Whether the arguments of a message are kept apart, and not in the hands of its run yet. */
export function mustFetch(run: Run, { message }: Runnable): boolean {
  return run.apart === undefined && apartId(message.labels) !== undefined
}

/**
 * Brings the arguments that are kept apart into a run. The message itself stays short, for a retry.
 * @returns how the message ends where they are gone or cannot be read.
 */
export async function fetchArguments(
  { runtime, patience }: { readonly runtime: BrokerRuntime; readonly patience: Patience },
  run: Run,
  { message, task }: Runnable,
): Promise<Ending | undefined> {
  const id = apartId(message.labels)
  if (id === undefined) return undefined
  const about = { delivery: run.delivery, message, task }
  const [body = null] = await patience.insist(() => runtime.results.get([id]))
  if (body === null) {
    const size = String(message.labels[apartLabels.bytes] ?? 'too many')
    const why = `its arguments (${size} bytes) were kept apart from it and are gone: it comes later than the \`keepFor\` of its claim check allows`
    return deadEnding(about, 'expired', why)
  }
  try {
    run.apart = readApart(runtime.codec, body)
    return undefined
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    return deadEnding(
      about,
      'malformed',
      `its arguments were kept apart and cannot be read: ${why}`,
    )
  }
}

/** What is to run, with its arguments in it. */
export function calledWith(run: Run, runnable: Runnable): Runnable {
  const { apart } = run
  if (apart === undefined) return runnable
  return { task: runnable.task, message: { ...runnable.message, ...apart } }
}
