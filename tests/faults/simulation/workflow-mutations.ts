/**
 * The rules of workflows with one thing wrong, in a copy of the sources: each must be caught by random
 * canvases within a number of seeds, or they would not catch the same mistake in the code itself.
 */
import { execFile } from 'node:child_process'
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const root = join(dirname(fileURLToPath(import.meta.url)), '../../..')
const run = promisify(execFile)

/** One thing that is wrong: a text of a source, and what stands in its place. */
export interface WorkflowMutation {
  readonly wrong: string
  readonly file: string
  readonly text: string
  readonly instead: string
}

const step = 'src/graphs/run-step.ts'

/** All of them. */
export const workflowMutations: readonly WorkflowMutation[] = [
  {
    wrong: 'sources that end are counted, not walked over',
    file: step,
    text: 'if (node !== undefined && node.pos === slot) this.#advance(node)',
    instead:
      "if (node !== undefined && node.state === 'waiting') { node.pos++; if (node.pos >= node.width) this.#decide(node); else this.#save(node) }",
  },
  {
    wrong: 'no generation in the fence',
    file: step,
    text: "run.state !== 'running' || run.gen !== part.gen) return true\n  const node = rows.node(part.run, part.ord)\n  return node?.state !== 'released' || node.gen !== part.gen",
    instead:
      "run.state !== 'running') return true\n  const node = rows.node(part.run, part.ord)\n  return node?.state !== 'released'",
  },
  {
    wrong: 'a walk is not begun anew for a resume',
    file: step,
    text: '    node.pos = 0\n',
    instead: '',
  },
  {
    wrong: 'whatever has ended is kept on resume',
    file: step,
    text: "(node.state === 'failed' && node.policy !== 'stop')",
    instead: "node.state === 'failed'",
  },
  {
    wrong: 'an expanded node runs again on resume',
    file: step,
    text: "const again = extent !== undefined && node.state !== 'succeeded' && this.#watchedIsKept(node)",
    instead: 'const again = extent === undefined && false',
  },
  {
    wrong: 'a node is skipped at the first failure',
    file: step,
    text: 'node.cause = causeOf(source)\n      node.pos++',
    instead:
      'node.cause = causeOf(source)\n      node.pos = node.cause !== null ? node.width : node.pos + 1',
  },
  {
    wrong: 'an allowed failure runs again on resume',
    file: step,
    text: 'if (absorbs && this.#watchedIsKept(gate)) return true',
    instead: '',
  },
  {
    wrong: 'side steps are kept without what they watch',
    file: step,
    text: 'return watched !== undefined && this.#isKept(watched)',
    instead: 'return true',
  },
  {
    wrong: 'the way of dead letters tells the workflow nothing',
    file: 'src/graphs/settle-node.ts',
    text: "if (node === undefined) return 'none'",
    instead: "if (node === undefined || outcome.kind === 'setAside') return 'none'",
  },
  {
    wrong: 'all expansions have the same ordinals',
    file: 'src/graphs/run-control.ts',
    text: 'const first = run.next',
    instead: 'const first = run.head?.count ?? run.next',
  },
  {
    wrong: 'a step starts after its run was cancelled',
    file: 'src/graphs/node-value.ts',
    text: "  if (run.state === 'cancelled')\n    return refused(",
    instead:
      "  if (run.state === 'cancelled') return { start: true, source: null }\n  if (run.gen < 0)\n    return refused(",
  },
]

/** The seed that catches a mutation, and how; `null` when none of so many does. */
export async function caughtBySeed(
  mutation: WorkflowMutation,
  seeds: number,
): Promise<{ seed: number; finding: string } | null> {
  const { file, text, instead } = mutation
  const folder = mkdtempSync(join(tmpdir(), 'taskwright-mutation-'))
  try {
    for (const name of [
      'src',
      'package.json',
      'tests/support/workflow-model.ts',
      'tests/support/workflow-simulation.ts',
      'tests/faults/simulation/workflow-seeds.ts',
    ]) {
      mkdirSync(dirname(join(folder, name)), { recursive: true })
      cpSync(join(root, name), join(folder, name), { recursive: true })
    }
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'), 'dir')
    const source = readFileSync(join(folder, file), 'utf8')
    if (!source.includes(text))
      throw new Error(`'${mutation.wrong}' is not where it was in ${file}`)
    writeFileSync(join(folder, file), source.replace(text, instead))
    const loader = join(root, 'node_modules/jiti/lib/jiti-register.mjs')
    const { stdout } = await run(
      process.execPath,
      [
        '--import',
        loader,
        join(folder, 'tests/faults/simulation/workflow-seeds.ts'),
        String(seeds),
      ],
      { env: { ...process.env, JITI_FS_CACHE: 'false' }, maxBuffer: 10_000_000, timeout: 600_000 },
    )
    return JSON.parse(stdout) as { seed: number; finding: string } | null
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
