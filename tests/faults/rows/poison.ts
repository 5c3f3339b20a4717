/** Rows 9 and 10: tasks that take their process with them. */
import { shortfalls } from '../expectations.ts'
import { row, type Outcome } from '../row.ts'
import { onStage, shortLease, type Setting, type StageOptions } from '../stage.ts'
import { send, type Death } from '../worker/tasks.ts'

/** The default of a worker. */
const redeliveries = 3

interface Poisoned {
  readonly tasks: number
  readonly poisons: number
  readonly deaths: readonly Death[]
}

/** Row 9: out of memory. */
export const outOfMemory = row({
  id: '9',
  fault: 'a task that runs out of memory',
  expected: 'dead as poison after its budget; everything else succeeds',
  engines: ['sqlite', 'redis'],
  sizes: {
    A: { tasks: 300, poisons: 1 },
    B: { tasks: 2000, poisons: 8 },
    C: { tasks: 10_000, poisons: 40 },
  },
  run: (options, size) =>
    poisoned(
      options,
      { name: 'memory', execArgv: ['--max-old-space-size=48'] },
      { ...size, deaths: ['memory'] },
    ),
})

/** Row 10: crashes. */
export const crashLoops = row({
  id: '10',
  fault: 'tasks that crash their process, each time',
  expected:
    'dead as poison after the budget; everything else succeeds; no more deaths than the budget',
  engines: ['sqlite', 'redis'],
  sizes: {
    A: { tasks: 1000, poisons: 2 },
    B: { tasks: 10_000, poisons: 10 },
    C: { tasks: 100_000, poisons: 100 },
  },
  run: (options, size) =>
    poisoned(options, { name: 'poison' }, { ...size, deaths: ['abort', 'segfault'] }),
})

function poisoned(
  options: StageOptions,
  setting: Setting,
  { tasks, poisons, deaths }: Poisoned,
): Promise<Outcome> {
  return onStage(options, { ...setting, worker: { redeliveries } }, async (stage) => {
    await stage.start()
    const endKeeping = stage.keepAlive()
    const part = Math.ceil(tasks / poisons)
    for (let i = 0; i < poisons; i++) {
      const id = stage.id('p')
      await send(stage.ledger, { kind: 'attempt', id }, () =>
        stage.tasks.poison.kicker().withTaskId(id).kiq(stage.pick(deaths)),
      )
      await stage.sendWork(part, { ms: 20 })
    }
    await stage.drain(10 * shortLease)
    const died = endKeeping()
    const { verdict, entries } = await stage.judge()
    const runs = entries.filter((e) => e.kind === 'start' && e.id.startsWith('p')).length
    const budget = poisons * (redeliveries + 1)
    const also = {
      [`each poison ran ${redeliveries + 1} times (${runs} in all)`]: runs === budget,
      [`no more deaths than the budget (${died} of ${budget})`]: died <= budget,
    }
    return {
      verdict,
      faults: shortfalls(verdict, { dead: { poison: poisons }, also }),
      facts: { poisons, deaths: died },
    }
  })
}
