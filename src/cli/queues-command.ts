import { exitCodes, type ExitCode } from './exit-codes.ts'
import { toJson } from './printable-data.ts'
import { safeText } from './safe-text.ts'
import { table } from './table.ts'
import type { Terminal } from './terminal.ts'
import { withBroker } from './with-broker.ts'

/** What `taskwright queues` was told. */
export interface QueuesCommand {
  readonly target: string
  readonly flags: { readonly json?: boolean | undefined }
}

/** Prints every queue of a store and how many messages it holds, by state. */
export function listQueues(
  { target, flags }: QueuesCommand,
  terminal: Terminal,
): Promise<ExitCode> {
  return withBroker(target, async (broker) => {
    const queues = await broker.inspector.queues()
    if (flags.json === true) {
      terminal.out(toJson(queues))
      return exitCodes.done
    }
    if (queues.length === 0) {
      terminal.err(`${broker.description}: no queue yet; the first message makes one`)
      return exitCodes.done
    }
    const rows = queues.map(({ queue, queued, scheduled, running, dead, cap }) => [
      safeText(queue),
      queued,
      scheduled,
      running,
      dead,
      cap ?? '–',
    ])
    const counts = ['queued', 'scheduled', 'running', 'dead', 'cap']
    const columns = [
      { title: 'queue' },
      ...counts.map((title) => ({ title, align: 'right' as const })),
    ]
    for (const line of table(columns, rows, terminal.outColours.bold)) terminal.out(line)
    return exitCodes.done
  })
}
