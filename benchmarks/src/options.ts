import { parseArgs } from 'node:util'
import type { BenchEngine } from './engine.ts'
import { engineOf, engines } from './engine-list.ts'
import type { Peer } from './peers/peer.ts'
import { againstPair, limitPair, type Pair } from './pairs.ts'
import { peerOf, peers } from './peer-list.ts'
import type { Scenario, SizeOf } from './scenario.ts'
import { scenarios } from './scenario-list.ts'

/** What the command line asks for. */
export interface BenchOptions {
  readonly engines: readonly BenchEngine[]
  readonly scenarios: readonly Scenario[]
  readonly runs: number
  readonly size: SizeOf
  /** Only lines whose label has this in it. */
  readonly line: string
  readonly peers: readonly Peer[]
  readonly json: string | undefined
  readonly profile: boolean
  /** Measured instead of scenarios. */
  readonly pair: Pair | undefined
  /** So many plans of a scheduler, and nothing else. */
  readonly plans: number | undefined
}

const asked = scenarios
  .filter(({ onRequest }) => onRequest === true)
  .map(({ name }) => name)
  .join(' and ')

export const usage = `npm run bench -- [options]

  --engine LIST     columns, comma-separated: ${engines.map(({ name }) => name).join(', ')} (default: all)
  --scenario LIST   ${scenarios.map(({ name }) => name).join(', ')}
                    (default: all but ${asked}, which run when they are named)
  --line TEXT       only the lines that have TEXT in their name
  --runs N          rounds; each runs every contender once (default 5; workflows: 3 at most)
  --tasks N         the most tasks of a run (default: as each scenario says)
  --quick           a tenth of the tasks, 3 rounds, main columns: under a minute, for a first look
  --peers           other libraries beside ours; installs them into benchmarks/node_modules
  --peer LIST       some of them: ${peers.map(({ name }) => name).join(', ')}
  --against DIR     instead of scenarios: this build beside that of another checkout, which is built too,
                    interleaved; CPU of client and store per plain task as a ratio
  --pair limit      instead of scenarios: a task with a limit that does not bind beside one without
  --plans N         only this: a scheduler begins with N plans, beside TaskIQ's source (with --peers)
  --json FILE       writes all rows into a file
  --profile         names the costliest functions of Taskwright, per scenario and thread
  --help`

/** @throws TypeError, RangeError for what is not known. */
export function readOptions(args: readonly string[]): BenchOptions | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      engine: { type: 'string' },
      scenario: { type: 'string' },
      runs: { type: 'string' },
      line: { type: 'string', default: '' },
      tasks: { type: 'string' },
      plans: { type: 'string' },
      quick: { type: 'boolean', default: false },
      peers: { type: 'boolean', default: false },
      peer: { type: 'string' },
      against: { type: 'string' },
      pair: { type: 'string' },
      json: { type: 'string' },
      profile: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return 'help'
  const { quick, json, profile } = values
  const most = values.tasks === undefined ? Infinity : whole(values.tasks, '--tasks')
  const share = quick ? 0.1 : 1
  return {
    engines: namesOf(values.engine)?.map(engineOf) ?? (quick ? engines.slice(0, 2) : engines),
    scenarios:
      namesOf(values.scenario)?.map(scenarioOf) ??
      scenarios.filter(({ onRequest }) => onRequest !== true),
    runs: values.runs === undefined ? (quick ? 3 : 5) : whole(values.runs, '--runs'),
    line: values.line,
    size: (full) => Math.min(most, Math.round(full * share)),
    peers: namesOf(values.peer)?.map(peerOf) ?? (values.peers ? peers : []),
    json,
    profile,
    pair: pairOf(values),
    plans: values.plans === undefined ? undefined : whole(values.plans, '--plans'),
  }
}

function pairOf({ against, pair }: { against?: string; pair?: string }): Pair | undefined {
  if (against !== undefined) return againstPair(against)
  if (pair === undefined) return undefined
  if (pair === limitPair.name) return limitPair
  throw new RangeError(`there is no pair '${pair}'. Known: ${limitPair.name}.`)
}

function scenarioOf(name: string): Scenario {
  const found = scenarios.find((scenario) => scenario.name === name)
  if (found !== undefined) return found
  const known = scenarios.map((scenario) => scenario.name).join(', ')
  throw new RangeError(`there is no scenario '${name}'. Known: ${known}.`)
}

function namesOf(list: string | undefined): string[] | undefined {
  return list?.split(',').map((name) => name.trim())
}

function whole(text: string, what: string): number {
  const value = Number(text)
  if (Number.isSafeInteger(value) && value >= 1) return value
  throw new RangeError(`${what} is a whole number of 1 or more, not '${text}'.`)
}
