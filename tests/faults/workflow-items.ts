import type { Wanted } from './command-line.ts'
import type { Item } from './item.ts'
import { reflectorControl, reflectorOrder, reflectorWorkflows } from './rows/reflector-order.ts'
import { workflowKills } from './rows/workflow-kills.ts'
import type { StageOptions } from './stage.ts'
import { workflowControls, workflowSimulation } from './workflow-row.ts'

const reflectorRuns = 1000

/** The rows of `--workflows`. */
export function itemsOfWorkflows({ engines: asked, canvases }: Wanted, runs: number): Item[] {
  const kills = asked.flatMap((engine) =>
    [true, false].map((sweeps) => ({
      row: sweeps ? '30a' : '30b',
      fault: `random workflows, workers killed and stopped${sweeps ? '' : '; no sweeps'}`,
      engine,
      run: (options: StageOptions) => workflowKills(options, { engine, runs, sweeps }),
    })),
  )
  const controls: Item = {
    row: '30c',
    fault: 'the rules of workflows with one thing wrong',
    engine: 'memory',
    run: ({ log }) => workflowControls(log),
  }
  const simulation: Item = {
    row: '30v',
    fault: 'random workflows in virtual time',
    engine: 'memory',
    run: ({ seed, log }) => workflowSimulation({ canvases, seed }, log),
  }
  const reflector = reflectorWorkflows.map((workflow): Item => ({
    row: workflow.name,
    fault: `order of the reference application's ${workflow.name.toUpperCase()}, random delays`,
    engine: 'redis',
    run: (options) => reflectorOrder(options, { workflow, runs: reflectorRuns, ordered: true }),
  }))
  reflector.push({
    row: 'control w1',
    fault: 'its steps in a group: without their order',
    engine: 'redis',
    run: (options) => reflectorControl(options),
  })
  return [...kills, controls, simulation, ...(asked.includes('redis') ? reflector : [])]
}
