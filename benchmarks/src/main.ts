/** The benchmark: see ../README.md. Started by scripts/bench.mjs. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describeMachine, load, type Machine } from './machine.ts'
import { payload } from './message.ts'
import { readOptions, usage, type BenchOptions } from './options.ts'
import { pairTable, runPair, type Pair, type PairRow } from './pairs.ts'
import { measurePlans } from './plan-load.ts'
import { tableOf } from './print-tables.ts'
import { hotspots } from './profile.ts'
import { rowsOf, type ResultRow } from './result-rows.ts'
import { contendersOf, runLine } from './rounds.ts'
import { Children } from './spawn-child.ts'

const options = readOptions(process.argv.slice(2))
if (options === 'help') console.log(usage)
else if (options.plans !== undefined) await measurePlans(options.plans, options.runs)
else await run(options)

async function run(given: BenchOptions): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'taskwright-bench-'))
  const profiles = given.profile ? join(folder, 'profiles') : undefined
  if (profiles !== undefined) mkdirSync(profiles)
  const children = new Children(profiles)
  const cleanUp = (): void => {
    children.kill()
    rmSync(folder, { recursive: true, force: true })
  }
  process.once('SIGINT', () => {
    cleanUp()
    process.exit(130)
  })
  try {
    const machine = describeMachine(folder)
    await printHead(given, machine)
    const before = load()
    const began = performance.now()
    const rows =
      given.pair === undefined
        ? await measure(given, { children, folder, profiles })
        : await comparePair(given, given.pair, { children, folder })
    const seconds = Math.round((performance.now() - began) / 1000)
    const after = load()
    console.log(
      `\nTook ${seconds} s. Load average before ${before.toFixed(2)}, after ${after.toFixed(2)}; ` +
        `a quiet machine begins near 0 and ends below ${machine.cores + 1}.`,
    )
    if (given.json === undefined) return
    const runs = { machine, load: { before, after }, seconds, payloadBytes: payload.length }
    writeFileSync(given.json, `${JSON.stringify({ ...runs, rows }, null, 2)}\n`)
  } finally {
    cleanUp()
  }
}

async function measure(
  { engines, scenarios, runs, size, peers, line: wanted }: BenchOptions,
  bench: { children: Children; folder: string; profiles: string | undefined },
): Promise<ResultRow[]> {
  const contenders = contendersOf(engines, peers)
  const all: ResultRow[] = []
  for (const scenario of scenarios) {
    const lines = []
    for (const line of scenario.lines(size).filter(({ label }) => label.includes(wanted))) {
      const onRun = (what: string): void => progress(`${scenario.name}: ${what}`)
      const result = await runLine(bench, { scenario, line }, { contenders, runs, onRun })
      lines.push({ line, rows: rowsOf(result) })
    }
    progress('')
    if (lines.length === 0) continue
    const names = engines.map(({ name }) => name)
    console.log(`\n${tableOf(scenario, lines, names)}`)
    if (bench.profiles !== undefined) printHotspots(bench.profiles)
    all.push(...lines.flatMap(({ rows }) => rows))
  }
  return all
}

async function comparePair(
  { engines, runs, size }: BenchOptions,
  pair: Pair,
  bench: { children: Children; folder: string },
): Promise<PairRow[]> {
  const rows: PairRow[] = []
  for (const engine of engines) {
    const of = { engine, tasks: size(60_000), rounds: runs }
    rows.push(...(await runPair(bench, pair, { ...of, onRun: (what) => progress(what) })))
  }
  progress('')
  console.log(`\n${pairTable(pair, rows)}`)
  return rows
}

function printHotspots(folder: string): void {
  for (const { thread, share, name } of hotspots(folder)) {
    console.log(`  ${thread.padEnd(8)} ${(share * 100).toFixed(1).padStart(5)} %  ${name}`)
  }
}

async function printHead({ engines, runs, peers }: BenchOptions, machine: Machine): Promise<void> {
  const { cores, model, memoryGb, system, node, fdatasync } = machine
  console.log(
    `${cores} cores (${model}), ${memoryGb} GB, ${system}, Node ${node}, fdatasync ${fdatasync} µs, ` +
      `payload ${payload.length} bytes, ${runs} rounds`,
  )
  for (const engine of engines) {
    console.log(`${engine.name}: ${await engine.version()}; ${engine.settings}.`)
    console.log(`${' '.repeat(engine.name.length)}  limit: ${engine.limit}.`)
  }
  for (const { name, settings, missing } of peers) {
    console.log(`${name}: ${settings}. Not measured: ${missing}.`)
  }
  console.log(
    'A cell: median (least–most), share of the limit in the same round, CPU per task: client+store.',
  )
}

/** One line on the terminal that shows what runs now. */
function progress(text: string): void {
  if (!process.stderr.isTTY) return
  process.stderr.write(`\r\u001b[K${text.slice(0, 100)}`)
}
