import type { EngineName } from './engines.ts'
import type { Item } from './item.ts'
import { cancelPhases } from './rows/cancel-phases.ts'
import { fairWaits } from './rows/fair-waits.ts'
import { limitKills } from './rows/limit-kills.ts'
import { uniqueRace } from './rows/unique-race.ts'

/** The most rounds of producers that race. */
const mostRounds = 5000

/**
 * The rows of limits, order, uniqueness, cancel and fairness, and their controls. With 50,000 tasks: so many
 * of ten limits, 100 keys with 1,000 each, 5,000 rounds of 50 producers, 50,000 cancels, and 100,000 queued of
 * one tenant.
 */
export function itemsOfLimits(engines: readonly EngineName[], tasks: number): Item[] {
  const rounds = Math.min(mostRounds, Math.ceil(tasks / 2))
  const kills = { tasks, keys: 100, perKey: Math.ceil(tasks / 50), endless: false }
  // So many that a dozen kills, one a second, come while there is work on any machine.
  const endless = { tasks: 20_000, keys: 1, perKey: 0, endless: true }
  const fair = { queued: tasks * 2, rounds: 30 }
  return engines.flatMap((engine): Item[] => [
    {
      row: '31',
      fault: 'limits and order, workers killed',
      engine,
      run: (options) => limitKills(options, { engine, ...kills }),
    },
    {
      row: '31b',
      fault: '50 producers of one unique key at once',
      engine,
      run: (options) => uniqueRace(options, { engine, rounds, looks: false }),
    },
    {
      row: '31c',
      fault: 'cancelled at a random moment',
      engine,
      run: (options) => cancelPhases(options, { engine, tasks, idle: false }),
    },
    {
      row: '31d',
      fault: 'one tenant adds ten to the many of another',
      engine,
      run: (options) => fairWaits(options, { engine, ...fair, unfair: false }),
    },
    {
      row: 'control 31',
      fault: 'without a lease of permits',
      engine,
      run: (options) => limitKills(options, { engine, ...endless }),
    },
    {
      row: 'control 31b',
      fault: 'without a key: look, then send',
      engine,
      run: (options) => uniqueRace(options, { engine, rounds: 20, looks: true }),
    },
    {
      row: 'control 31c',
      fault: 'a cancel that says yes and does nothing',
      engine,
      run: (options) => cancelPhases(options, { engine, tasks: 200, idle: true }),
    },
    {
      row: 'control 31d',
      fault: 'tenants without fairness',
      engine,
      run: (options) => fairWaits(options, { engine, queued: 20_000, rounds: 5, unfair: true }),
    },
  ])
}
