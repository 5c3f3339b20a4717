/**
 * The rules of workflows with one thing wrong each: random canvases must catch it within a number of
 * seeds, or they would not catch the same mistake in the code itself.
 */
import type { SourceEdit } from './workflow-copy.ts'

/** One thing that is wrong: a text of a source, and what stands in its place. */
export interface WorkflowMutation extends SourceEdit {
  readonly wrong: string
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
  {
    wrong: 'what is left to do is kept after the end',
    file: step,
    text: '  run.todo = []\n  const { head, gen } = run',
    instead: '  const { head, gen } = run',
  },
  {
    wrong: 'what was left to do goes on after a cancel',
    file: 'src/graphs/run-control.ts',
    text: "  endRun(rows, run, { state: 'cancelled', cause: null, now })\n  run.todo = rows\n    .extents(id)\n    .map(({ lo, hi }) => ({ kind: 'drop' as const, at: lo, hi }))\n    .reverse()",
    instead:
      "  const kept = run.todo\n  endRun(rows, run, { state: 'cancelled', cause: null, now })\n  run.todo = [...rows.extents(id).map(({ lo, hi }) => ({ kind: 'drop' as const, at: lo, hi })), ...kept]",
  },
]
