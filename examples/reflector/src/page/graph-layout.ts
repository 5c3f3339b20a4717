import type { RunNode, Work } from './api.ts'

/** A step in its place. */
export interface PlacedNode extends RunNode {
  readonly x: number
  readonly y: number
  readonly label: string
}

/** The drawing of a run. */
export interface Drawing {
  readonly nodes: readonly PlacedNode[]
  readonly edges: readonly { readonly from: PlacedNode; readonly to: PlacedNode }[]
  readonly width: number
  readonly height: number
}

export const box = { width: 168, height: 34 } as const
export const gap = { x: 18, y: 30 } as const

/**
 * Places the steps of a run from top to bottom, each below what it waits for. Joins and gates, which
 * run nothing, are left out: an edge through them is an edge between steps. So is what waits for a failure.
 */
export function draw({ nodes, edges }: Pick<Work, 'nodes' | 'edges'>): Drawing {
  const failures = new Set(nodes.filter(({ gate }) => gate === 'failure').map(({ ord }) => ord))
  const needed = ({ ord, status }: RunNode): boolean =>
    status !== 'idle' &&
    (status !== 'waiting' || !edges.some(({ from, to }) => to === ord && failures.has(from)))
  const shown = nodes.filter((node) => node.kind === 'task' && needed(node))
  const isShown = new Set(shown.map(({ ord }) => ord))
  const sources = (ord: number): number[] =>
    edges
      .filter(({ to }) => to === ord)
      .flatMap(({ from }) => (isShown.has(from) ? [from] : sources(from)))
  const depths = new Map<number, number>()
  const depthOf = (ord: number): number => {
    const known = depths.get(ord)
    if (known !== undefined) return known
    const depth = Math.max(-1, ...sources(ord).map(depthOf)) + 1
    depths.set(ord, depth)
    return depth
  }
  const lanes = new Map<number, number>()
  const placed = shown.map((node): PlacedNode => {
    const depth = depthOf(node.ord)
    const lane = lanes.get(depth) ?? 0
    lanes.set(depth, lane + 1)
    const x = lane * (box.width + gap.x)
    return { ...node, x, y: depth * (box.height + gap.y), label: labelOf(node.name) }
  })
  const byOrd = new Map(placed.map((node) => [node.ord, node]))
  const lines = placed.flatMap((to) =>
    [...new Set(sources(to.ord))].flatMap((ord) => {
      const from = byOrd.get(ord)
      return from === undefined ? [] : [{ from, to }]
    }),
  )
  const width = Math.max(0, ...placed.map(({ x }) => x + box.width))
  const height = Math.max(0, ...placed.map(({ y }) => y + box.height))
  return { nodes: placed, edges: lines, width, height }
}

const labelOf = (name: string): string =>
  name.replace(/^task_(pipeline_)?/, '').replaceAll('_', ' ')
