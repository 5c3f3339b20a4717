/** `npm run faults`: rows of the matrix, negative controls and the simulation; one table, and JSON. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { readArguments, usage, type Wanted } from './command-line.ts'
import { controls, type Control } from './controls.ts'
import { engines, type EngineName } from './engines.ts'
import type { Item } from './item.ts'
import { itemsOfLimits } from './limit-items.ts'
import { matrix } from './matrix.ts'
import { makeProgram, type Program } from './program.ts'
import { headOf, isGreen, renderReport, type Line, type Report } from './report.ts'
import type { Outcome, Row } from './row.ts'
import { scheduleStorm } from './rows/schedule-storm.ts'
import { schedulerKills } from './rows/scheduler-kills.ts'
import { simulationRow } from './simulation-row.ts'
import { itemsOfWorkflows } from './workflow-items.ts'

const say = (text: string): void => void process.stderr.write(`${text}\n`)

let wanted: Wanted
try {
  wanted = readArguments(process.argv.slice(2), () => Math.floor(Math.random() * 1_000_000))
} catch (error) {
  say(`${(error as Error).message}\n\n${usage}`)
  process.exit(2)
}
const program = makeProgram()
const report = await runAll(wanted, program)
const green = isGreen(report)
if (green || !wanted.keep) program.remove()
else say(`\nKept: ${program.folder}`)
process.stdout.write(`${renderReport(report)}\n`)
process.exitCode = green ? 0 : 1

async function runAll(asked: Wanted, of: Program): Promise<Report> {
  const head = headOf(asked)
  const lines: Line[] = []
  const before = asked.resume ? earlier(asked, head) : []
  for (const item of itemsOf(asked)) {
    const known = before.find(({ row, engine }) => row === item.row && engine === item.engine)
    lines.push(known ?? (await runOne(item, asked, of)))
    if (asked.json !== undefined)
      writeFileSync(asked.json, `${JSON.stringify({ ...head, lines }, undefined, 2)}\n`)
  }
  return { ...head, lines }
}

async function runOne(item: Item, { seed }: Wanted, of: Program): Promise<Line> {
  const { row, fault, engine } = item
  say(`── row ${row} on ${engine}: ${fault}`)
  const begun = performance.now()
  const log = (text: string): void =>
    say(`   ${Math.round((performance.now() - begun) / 1000)} s: ${text}`)
  // The simulation has its own.
  const store = engine === 'redis' ? engines.redis : engines.sqlite
  const options = { program: of, engine: store, seed, log }
  let outcome: Outcome
  try {
    outcome = await item.run(options)
  } catch (error) {
    outcome = { faults: [(error as Error).message], facts: {} }
  }
  const seconds = (performance.now() - begun) / 1000
  for (const text of outcome.faults) say(`   ✗ ${text}`)
  say(`   ${outcome.faults.length === 0 ? '✓' : '✗'} ${Math.round(seconds)} s`)
  return { row, fault, engine, seconds, ...outcome }
}

function itemsOf(asked: Wanted): Item[] {
  const rows = asked.matrix ? matrix.filter(({ id }) => isWanted(asked, id)) : []
  if (asked.matrix && rows.length === 0) {
    say(`no such row; there are ${matrix.map(({ id }) => id).join(', ')}`)
    process.exit(2)
  }
  const ofEngines = asked.engines.flatMap((engine) => [
    ...rows
      .filter((row) => row.engines.includes(engine))
      .map((row) => itemOfRow(row, asked, engine)),
    ...(asked.controls ? controls : [])
      .filter((control) => control.engines.includes(engine))
      .map((control) => itemOfControl(control, engine)),
  ])
  const { schedulerSeconds: seconds } = asked
  const ofSchedulers =
    seconds === undefined
      ? []
      : asked.engines.flatMap((engine) => [
          ...(seconds > 0 ? [itemOfSchedulers(engine, seconds)] : []),
          ...(asked.schedulerPlans > 0 ? [itemOfStorm(engine, asked.schedulerPlans)] : []),
        ])
  const { workflowRuns: runs } = asked
  const ofWorkflows = runs === undefined ? [] : itemsOfWorkflows(asked, runs)
  const ofLimits =
    asked.limitTasks === undefined ? [] : itemsOfLimits(asked.engines, asked.limitTasks)
  const families = [...ofSchedulers, ...ofWorkflows, ...ofLimits]
  const all = [
    ...ofEngines,
    ...families.filter(({ row }) => isWanted(asked, row.replace('control ', ''))),
  ]
  return asked.simulate ? [...all, itemOfSimulation(asked)] : all
}

function itemOfSchedulers(engine: EngineName, seconds: number): Item {
  return {
    row: '29',
    fault: 'five schedulers, the leader killed or stopped every 3 s',
    engine,
    run: (options) => schedulerKills(options, { engine, seconds, schedulers: 5, every: 3000 }),
  }
}

function itemOfStorm(engine: EngineName, plans: number): Item {
  return {
    row: '31s',
    fault: 'plans made at run time, all due in one second',
    engine,
    run: (options) => scheduleStorm(options, { engine, plans }),
  }
}

function itemOfSimulation(asked: Wanted): Item {
  return {
    row: '48',
    fault: 'all of it in virtual time, random faults',
    engine: 'memory',
    run: ({ log }) => simulationRow(asked, log),
  }
}

function isWanted({ rows }: Wanted, id: string): boolean {
  return rows === undefined || rows.some((name) => name === id || name === id.replace(/\D+$/, ''))
}

function itemOfRow(row: Row, { tier }: Wanted, engine: string): Item {
  const { id, fault, sizes } = row
  return { row: id, fault, engine, run: (options) => row.run(options, sizes[tier]) }
}

/** A control is in order when it is caught. */
function itemOfControl(control: Control, engine: string): Item {
  const { id, without, mustFind } = control
  return {
    row: `control ${id}`,
    fault: `without ${without}`,
    engine,
    async run(options) {
      const verdict = await control.run(options)
      const found = mustFind.filter((name) => verdict[name].length > 0)
      const facts = Object.fromEntries(
        found.map((name) => [`caught: ${name}`, verdict[name].length]),
      )
      const blind = `this control passed: ${mustFind.join(', ')} was not found, so it would not be found either`
      return { verdict, facts, faults: found.length === 0 ? [blind] : [] }
    },
  }
}

/** Lines of an interrupted run of the same commit, tier and seed. */
function earlier({ json }: Wanted, { commit, tier, seed }: Report): readonly Line[] {
  if (json === undefined || !existsSync(json)) return []
  const found = JSON.parse(readFileSync(json, 'utf8')) as Report
  const same = found.commit === commit && found.tier === tier && found.seed === seed
  return same ? found.lines.filter(({ faults }) => faults.length === 0) : []
}
