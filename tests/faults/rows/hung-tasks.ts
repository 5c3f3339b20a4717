import { shortfalls } from '../expectations.ts'
import { row } from '../row.ts'
import { onStage } from '../stage.ts'
import type { Entry } from '../worker/ledger.ts'
import { send } from '../worker/tasks.ts'

const workers = 2
const concurrency = 4
const slots = workers * concurrency

/** Row 8: handlers that never end, in every slot there is. */
export const hungTasks = row({
  id: '8',
  fault: 'tasks that never end',
  expected: 'timeout, reported as stuck, every slot free again',
  engines: ['sqlite', 'redis'],
  sizes: { A: { rounds: 2 }, B: { rounds: 20 }, C: { rounds: 100 } },
  run: (options, { rounds }) =>
    onStage(
      options,
      { name: 'hung', workers, worker: { concurrency, prefetch: 0, grace: 200 } },
      async (stage) => {
        await stage.start()
        for (let round = 0; round < rounds; round++) {
          for (let i = 0; i < slots; i++) {
            const id = stage.id('h')
            await send(stage.ledger, { kind: 'attempt', id }, () =>
              stage.tasks.hang.kicker().withTaskId(id).withTimeout('300ms').kiq(),
            )
          }
          await stage.drain()
        }
        stage.ledger.write({ kind: 'note', what: 'after' })
        // More than one slot could do in time, so all are needed.
        await stage.sendWork(20 * slots, { ms: 100 })
        await stage.drain()
        const { verdict, entries } = await stage.judge()
        const stuck = entries.filter((e) => e.kind === 'note' && e.what === 'stuck').length
        const busiest = mostAtOnce(
          entries.slice(entries.findIndex((e) => e.kind === 'note' && e.what === 'after')),
        )
        const hung = rounds * slots
        const also = {
          [`${hung} were reported as stuck (${stuck})`]: stuck === hung,
          [`all ${slots} slots were used afterwards (${busiest})`]: busiest === slots,
        }
        return {
          verdict,
          faults: shortfalls(verdict, { dead: { failed: hung }, also }),
          facts: { hung, 'slots afterwards': busiest },
        }
      },
    ),
})

/** The most handlers that ran at once. */
function mostAtOnce(entries: readonly Entry[]): number {
  const open = new Set<string>()
  let most = 0
  for (const entry of entries) {
    if (entry.kind === 'start') most = Math.max(most, open.add(entry.run).size)
    else if (entry.kind === 'end') open.delete(entry.run)
  }
  return most
}
