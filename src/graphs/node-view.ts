import type { NodeView } from '../core/workflow-store.ts'
import type { GraphRows } from './run-rows.ts'

/** So many sources of a node are shown. */
const shownSources = 1000

/** Live nodes from `from` on, in the order of their ordinals. */
export function nodeViews(
  rows: GraphRows,
  run: string,
  { from, limit }: { from: number; limit: number },
): NodeView[] {
  const views: NodeView[] = []
  for (const { lo, hi, parent } of rows.extents(run)) {
    for (let ord = Math.max(lo, from); ord <= hi && views.length < limit; ord++) {
      const node = rows.node(run, ord)
      if (node === undefined) continue
      const { kind, name, gate, state, gen, releasedAt, endedAt, cause } = node
      views.push({
        ord,
        kind,
        name,
        gate,
        state,
        gen,
        sources: rows.sources(run, ord, { from: 0, limit: shownSources }),
        parent,
        releasedAt,
        endedAt,
        cause,
        body: kind === 'task' ? rows.value(run, ord) : null,
      })
    }
  }
  return views
}
