import { exitCodes, type ExitCode } from './exit-codes.ts'
import { toJson } from './printable-data.ts'
import { safeText } from './safe-text.ts'
import type { Terminal } from './terminal.ts'
import { UsageError } from './usage-error.ts'
import { withBroker } from './with-broker.ts'

/** What `taskwright purge` was told. */
export interface PurgeCommand {
  readonly target: string
  readonly queue: string
  readonly flags: { readonly yes?: boolean | undefined; readonly json?: boolean | undefined }
}

/** Cancels all that waits in a queue, after asking. */
export function purge(
  { target, queue, flags }: PurgeCommand,
  terminal: Terminal,
): Promise<ExitCode> {
  return withBroker(target, async (broker) => {
    if (flags.yes !== true && !(await confirmed())) {
      terminal.err('nothing was purged')
      return exitCodes.failed
    }
    const purged = await broker.purge(queue)
    if (flags.json === true) terminal.out(toJson({ queue, purged }))
    else
      terminal.out(
        `purged ${purged === 1 ? '1 message' : `${purged} messages`} from '${safeText(queue)}'`,
      )
    return exitCodes.done

    async function confirmed(): Promise<boolean> {
      const counts = (await broker.inspector.queues()).find((found) => found.queue === queue)
      const waiting = (counts?.queued ?? 0) + (counts?.scheduled ?? 0)
      const question = `Cancel the ${waiting} waiting messages of '${safeText(queue)}' in ${safeText(broker.description)}? Type yes: `
      const answer = await terminal.ask(question)
      if (answer !== undefined) return /^y(es)?$/i.test(answer.trim())
      throw new UsageError(
        `purge cancels all that waits in '${queue}'. Nobody is here to ask: confirm it with --yes.`,
      )
    }
  })
}
