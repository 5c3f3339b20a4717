import { parseArgs } from 'node:util'
import { engines, type EngineName } from './engines.ts'
import { tiers, type Tier } from './row.ts'

/** What `npm run faults` was asked for. */
export interface Wanted {
  readonly tier: Tier
  readonly seed: number
  readonly engines: readonly EngineName[]
  /** Row numbers; absent: all. `26` means all parts of it. */
  readonly rows: readonly string[] | undefined
  readonly matrix: boolean
  readonly controls: boolean
  readonly simulate: boolean
  /** Seconds of the row of schedulers on each engine; absent: it is not asked for. */
  readonly schedulerSeconds: number | undefined
  /** Plans of the storm that goes with it. */
  readonly schedulerPlans: number
  /** Random workflows on each engine, with and without sweeps; absent: they are not asked for. */
  readonly workflowRuns: number | undefined
  /** Random workflows in virtual time that go with them. */
  readonly canvases: number
  /** Tasks of the rows of limits on each engine; absent: they are not asked for. */
  readonly limitTasks: number | undefined
  readonly seeds: number
  readonly json: string | undefined
  readonly resume: boolean
  readonly keep: boolean
  /** The same again, with what was drawn by chance written out. */
  readonly command: string
}

export const usage = `npm run faults [-- OPTIONS]

  --tier A|B|C        how much: every commit, a night, a release (default A)
  --row 1,2,26        only these rows: of the matrix, or of what is asked for beside it
  --engine sqlite     only this engine: sqlite, redis (--redis)
  --controls          only the negative controls: each must be caught
  --simulate          only the simulation under virtual time
  --scheduler         only the rows of schedulers: leaders killed, many plans due at once
  --seconds N         how long that row strikes (default 180; 0: not)
  --plans N           plans that are then due in one second (default 100000; 0: none)
  --workflows         only the rows of random workflows on workers that are killed, and their controls
  --runs N            how many of them (default 300)
  --canvases N        and in virtual time (default 5000)
  --limits            only the rows of limits, order, uniqueness, cancel and fairness, and their controls;
                      with --row 31d,… only some of them
  --tasks N           how many of them (default 10000; the full size is 50000)
  --seeds N           seeds of the simulation (default 2000)
  --seed S            replays the faults of a run (default: drawn)
  --json FILE         writes the report there, after each row
  --resume            leaves out what FILE holds already, of the same commit, tier and seed
  --keep              keeps the ledgers and stores of rows that failed
`

/** Reads the arguments. @throws Error that says what is wrong with them. */
export function readArguments(args: readonly string[], drawSeed: () => number): Wanted {
  const { values } = parseArgs({
    args: [...args],
    options: {
      tier: { type: 'string', default: 'A' },
      row: { type: 'string' },
      engine: { type: 'string' },
      redis: { type: 'boolean', default: false },
      controls: { type: 'boolean', default: false },
      simulate: { type: 'boolean', default: false },
      scheduler: { type: 'boolean', default: false },
      seconds: { type: 'string', default: '180' },
      plans: { type: 'string', default: '100000' },
      workflows: { type: 'boolean', default: false },
      runs: { type: 'string', default: '300' },
      canvases: { type: 'string', default: '5000' },
      limits: { type: 'boolean', default: false },
      tasks: { type: 'string', default: '10000' },
      seeds: { type: 'string', default: '2000' },
      seed: { type: 'string' },
      json: { type: 'string' },
      resume: { type: 'boolean', default: false },
      keep: { type: 'boolean', default: false },
    },
  })
  const tier = tiers.find((known) => known === values.tier)
  if (tier === undefined) throw new Error(`--tier is one of ${tiers.join(', ')}`)
  const names = Object.keys(engines) as EngineName[]
  const engine = values.redis ? 'redis' : values.engine
  const chosen = engine === undefined ? names : names.filter((name) => name === engine)
  if (chosen.length === 0) throw new Error(`--engine is one of ${names.join(', ')}`)
  if (values.resume && values.json === undefined) throw new Error('--resume needs --json FILE')
  const seed = whole(values.seed ?? String(drawSeed()), '--seed')
  const seeds = whole(values.seeds, '--seeds')
  const families = values.scheduler || values.workflows || values.limits
  const only = values.controls || values.simulate || families || values.row !== undefined
  return {
    tier,
    seed,
    seeds,
    schedulerPlans: whole(values.plans, '--plans'),
    schedulerSeconds: values.scheduler ? whole(values.seconds, '--seconds') : undefined,
    workflowRuns: values.workflows ? whole(values.runs, '--runs') : undefined,
    canvases: whole(values.canvases, '--canvases'),
    limitTasks: values.limits ? whole(values.tasks, '--tasks') : undefined,
    engines: chosen,
    rows: values.row?.split(',').map((text) => text.trim()),
    // With a family of rows of its own, `--row` chooses within that.
    matrix: (values.row !== undefined && !families) || !only,
    controls: values.controls || !only,
    // It is of no engine: who asks for one does not ask for it.
    simulate: values.simulate || (!only && engine === undefined),
    json: values.json,
    resume: values.resume,
    keep: values.keep,
    command: commandOf(args, seed),
  }
}

function commandOf(args: readonly string[], seed: number): string {
  const seeded = args.some((text) => text === '--seed' || text.startsWith('--seed='))
  return ['npm run faults --', ...args, ...(seeded ? [] : ['--seed', String(seed)])].join(' ')
}

function whole(text: string, name: string): number {
  const value = Number(text)
  if (Number.isSafeInteger(value) && value >= 0) return value
  throw new Error(`${name} is a whole number, not '${text}'`)
}
