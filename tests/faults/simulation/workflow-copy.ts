/** Random canvases, by seed, on a copy of the sources in which some text stands for another. */
import { execFile } from 'node:child_process'
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { compiled } from '../program.ts'
import type { SeedsFound, SeedsWanted } from './workflow-seeds.ts'

const root = join(dirname(fileURLToPath(import.meta.url)), '../../..')
const run = promisify(execFile)

/** All that the simulation is made of. */
const copied = (): string[] => [
  'package.json',
  ...readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join('src', name)),
  'tests/support/workflow-model.ts',
  'tests/support/workflow-simulation.ts',
  'tests/faults/simulation/workflow-seeds.ts',
]

/** A text of a source, and what stands in its place. */
export interface SourceEdit {
  readonly file: string
  readonly text: string
  readonly instead: string
}

function edited(whole: string, { file, text, instead }: SourceEdit): string {
  if (whole.includes(text)) return whole.replace(text, () => instead)
  throw new Error(`'${text}' is not where it was in ${file}`)
}

/** How much one step of a run may do at most: the less, the more is left to pumps and sweeps. */
export function withBudget(units: number): SourceEdit {
  const text = 'const stepBudget = 250'
  return { file: 'src/graphs/run-step.ts', text, instead: `const stepBudget = ${units}` }
}

/** Plays seeds on a copy until one finds something. @throws Error when a text is not where it was. */
export async function seedsInCopy(
  edits: readonly SourceEdit[],
  seeds: SeedsWanted,
): Promise<SeedsFound> {
  const folder = mkdtempSync(join(tmpdir(), 'taskwright-copy-'))
  try {
    for (const name of copied()) {
      const source = readFileSync(join(root, name), 'utf8')
      const text = edits
        .filter(({ file }) => file === name)
        .reduce((whole, edit) => edited(whole, edit), source)
      const target = join(folder, name.replace(/\.ts$/, '.js'))
      mkdirSync(dirname(target), { recursive: true })
      writeFileSync(target, name.endsWith('.ts') ? compiled(name, text) : text)
    }
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'), 'dir')
    const program = join(folder, 'tests/faults/simulation/workflow-seeds.js')
    const { stdout } = await run(process.execPath, [program, JSON.stringify(seeds)])
    return JSON.parse(stdout) as SeedsFound
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
