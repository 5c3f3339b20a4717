/**
 * What follows when a node of a graph ends, as one bounded, atomic step over the rows of a store.
 *
 * One rule decides everything: a node is decided when all of its sources have ended, never before. If
 * one of them blocks, it is skipped with the cause of the first such source; otherwise a task is
 * released (its message is sent) and a join, a gate or an end settles at once. So barriers, failures,
 * side steps and the end of a run are one mechanism, and the final states do not depend on timing.
 *
 * Whether all sources have ended is walked over, not counted: each node remembers how far the walk
 * has come, and goes on when the very source at which it stopped ends. A source that ends twice
 * changes nothing, and over the life of a join each source is looked at once.
 *
 * Work that is left when the budget is used up stays as cursors in the run (see {@link Todo}).
 */
import type { Body } from '../core/message.ts'
import { nodeId } from '../core/node-id.ts'
import type { NodePart } from '../core/settlement.ts'
import { blocks, causeOf, isTerminal } from './node-record.ts'
import type { GraphRows, NodeRecord, RunRecord, Todo } from './run-rows.ts'

/** How much one step may do: nodes looked at or changed count one, sources that are walked over a part. */
const stepBudget = 250
/** The bytes of messages that one step may send. */
const stepBytes = 256_000
/** So many sources are walked over for one unit. */
const sourcesPerUnit = 16
const edgesPerPage = 100

/** Milliseconds for which a run is kept that nobody has finished sending. */
export const buildingTime: number = 86_400_000

/** Whether a part cannot be applied: its run was cancelled, or has gone on without it. */
export function isRefused(rows: GraphRows, part: NodePart): boolean {
  const run = rows.run(part.run)
  if (run === undefined || run.state !== 'running' || run.gen !== part.gen) return true
  const node = rows.node(part.run, part.ord)
  return node?.state !== 'released' || node.gen !== part.gen
}

/** Applies the end of a node that {@link isRefused} lets through. Whether something is left to do. */
export function apply(rows: GraphRows, part: NodePart, { value, now }: Applying): boolean {
  const run = rows.run(part.run)
  const node = rows.node(part.run, part.ord)
  if (run === undefined || node === undefined) return false
  const step = new RunStep(rows, run, now)
  if (value !== undefined) rows.saveValue(run.run, node.ord, value)
  step.ended(node, part)
  return step.go()
}

/** What is applied, and when. */
export interface Applying {
  readonly value: Body | undefined
  readonly now: number
}

/** Goes on with a run. Whether something is left to do. */
export function pump(rows: GraphRows, id: string, now: number): boolean {
  const run = rows.run(id)
  return run === undefined || run.todo.length === 0 ? false : new RunStep(rows, run, now).go()
}

/** One bounded step in one run. */
class RunStep {
  readonly #rows: GraphRows
  readonly #run: RunRecord
  readonly #now: number
  #budget = stepBudget
  #bytes = stepBytes

  constructor(rows: GraphRows, run: RunRecord, now: number) {
    this.#rows = rows
    this.#run = run
    this.#now = now
  }

  /** A released node has ended, or other nodes take its place. */
  ended(node: NodeRecord, { verdict, graft }: NodePart): void {
    if (graft === undefined) {
      this.#settle(node, verdict === 'ok' ? 'succeeded' : 'failed', null)
      return
    }
    const { lo, hi, sink } = graft
    const end = this.#rows.node(this.#run.run, graft.end)
    if (end === undefined || end.parent !== null) return
    end.parent = node.ord
    this.#save(end)
    node.state = 'expanded'
    node.graft = sink
    this.#save(node)
    this.#rows.addExtent(this.#run.run, { lo, hi, parent: node.ord })
    this.#push({ kind: 'scan', at: lo, hi, fresh: true })
  }

  /** Does what is left to do, as far as the budget goes. Whether there is more. */
  go(): boolean {
    while (this.#budget > 0 && this.#bytes > 0) {
      const next = this.#run.todo.pop()
      if (next === undefined) break
      this.#do(next)
    }
    this.#rows.saveRun(this.#run)
    return this.#run.todo.length > 0
  }

  #do(item: Todo): void {
    switch (item.kind) {
      case 'mark':
        return this.#mark(item)
      case 'walk': {
        const node = this.#node(item.ord)
        if (node !== undefined) this.#advance(node)
        return
      }
      case 'scan':
        return this.#eachNode(item, (node) => {
          if (!item.fresh || node.width === 0) this.#advance(node)
          else this.#budget += 0.8
        })
      case 'reset':
        return this.#eachNode(item, (node) => this.#reset(node))
      case 'prune':
        return this.#eachNode(item, (node) => this.#dropGraft(node))
      case 'begin':
        return this.#begin()
      case 'cut':
        return this.#eachNode(item, (node) => this.#cut(node, item.cause))
      case 'drop':
        return this.#eachNode(item, (node) => this.#drop(node))
    }
  }

  /** Calls `work` for one node after the other; what that leaves to do comes before the next one. */
  #eachNode(item: Extract<Todo, { readonly at: number }>, work: (node: NodeRecord) => void): void {
    let { at } = item
    const depth = this.#run.todo.length
    while (at <= item.hi && this.#budget > 0 && this.#bytes > 0) {
      const node = this.#node(at++)
      this.#budget--
      if (node === undefined) continue
      work(node)
      if (this.#run.todo.length > depth) break
    }
    if (at <= item.hi) this.#keep(depth, { ...item, at })
  }

  #mark({ ord, from }: Extract<Todo, { kind: 'mark' }>): void {
    const edges = this.#rows.edges(this.#run.run, ord, { after: from, limit: edgesPerPage })
    const depth = this.#run.todo.length
    let told = 0
    let last = from
    for (const { dst, slot } of edges) {
      if (this.#budget <= 0 || this.#bytes <= 0 || this.#run.todo.length > depth) break
      told++
      last = dst
      const node = this.#node(dst)
      this.#budget--
      // Its walk has stopped elsewhere: it will come by here.
      if (node !== undefined && node.pos === slot) this.#advance(node)
    }
    const over = told === edges.length && edges.length < edgesPerPage
    if (!over) this.#keep(depth, { kind: 'mark', ord, from: last })
  }

  /** Walks on over the sources of a node, and decides it when the last has ended. */
  #advance(node: NodeRecord): void {
    if (node.state !== 'waiting') return
    const { run } = this.#run
    const begun = node.pos
    let moved = true
    // Most walks stop at once; those that do not go on in longer and longer strides.
    for (let limit = 2; moved && node.pos < node.width; limit = Math.min(limit * 2, edgesPerPage)) {
      const sources = this.#rows.sources(run, node.ord, { from: node.pos, limit })
      moved = this.#walk(node, sources)
      if (moved && node.pos < node.width && this.#budget <= 0) {
        this.#push({ kind: 'walk', ord: node.ord })
        moved = false
      }
    }
    if (node.pos === node.width) this.#decide(node)
    else if (node.pos !== begun) this.#save(node)
  }

  /** Whether all of these have ended. */
  #walk(node: NodeRecord, sources: readonly number[]): boolean {
    for (const ord of sources) {
      const source = this.#node(ord)
      this.#budget -= 1 / sourcesPerUnit
      if (source === undefined || !isTerminal(source)) return false
      if (source.state === 'idle') node.idle = true
      else if (node.cause === null && blocks(source)) node.cause = causeOf(source)
      node.pos++
    }
    return sources.length > 0
  }

  #decide(node: NodeRecord): void {
    if (node.kind === 'end') return this.#finish(node)
    if (node.idle) return this.#settle(node, 'idle', null)
    if (node.kind === 'gate') return this.#open(node)
    if (node.cause !== null) return this.#settle(node, 'skipped', node.cause)
    if (node.kind === 'join') return this.#settle(node, 'succeeded', null)
    this.#release(node)
  }

  #open(node: NodeRecord): void {
    const [ord] = this.#rows.sources(this.#run.run, node.ord, { from: 0, limit: 1 })
    const source = ord === undefined ? undefined : this.#node(ord)
    if (source === undefined) return
    const { cause } = node
    const within = cause !== null && cause >= node.lo && cause <= node.hi
    if (node.gate === 'success') this.#pass(node, source.state === 'succeeded', null)
    else if (node.gate === 'error') this.#pass(node, source.state === 'failed', source.ord)
    else if (node.gate === 'failure') this.#pass(node, within, cause)
    else if (cause === null || within) this.#pass(node, true, cause)
    else this.#settle(node, 'skipped', cause)
  }

  #pass(node: NodeRecord, open: boolean, cause: number | null): void {
    this.#settle(node, open ? 'succeeded' : 'idle', cause)
  }

  #release(node: NodeRecord): void {
    const { run, gen } = this.#run
    const message = this.#rows.message(run, node.ord)
    if (message === undefined) return
    node.state = 'released'
    node.gen = gen
    node.releasedAt = this.#now
    node.endedAt = null
    this.#save(node)
    this.#rows.send({ id: nodeId({ run, ord: node.ord, gen }), ...message })
    this.#bytes -= message.body.length
  }

  /** A node comes to its end; those behind it are told. */
  #settle(
    node: NodeRecord,
    state: 'succeeded' | 'failed' | 'skipped' | 'idle',
    cause: number | null,
  ): void {
    const { run, gen, head } = this.#run
    node.state = state
    node.cause = cause
    node.gen = gen
    node.endedAt = this.#now
    this.#save(node)
    this.#push({ kind: 'mark', ord: node.ord, from: -1 })
    if (state === 'skipped' && node.kind === 'task' && head !== null) {
      const id = nodeId({ run, ord: node.ord, gen })
      this.#rows.saveResult({ id, body: head.results.skipped, expiresIn: head.resultTtl })
    }
    if (state === 'failed' && node.policy === 'stop') this.#failFast(node)
  }

  #failFast({ ord, side }: NodeRecord): void {
    if (side !== null) return
    for (const { lo, hi } of this.#run.head?.failFast ?? []) {
      if (lo <= ord && ord <= hi) this.#push({ kind: 'cut', at: lo, hi, cause: ord })
    }
  }

  /** The end of a run, or of what an expanded node brought. */
  #finish(node: NodeRecord): void {
    const { cause, parent } = node
    const state = cause === null ? 'succeeded' : 'failed'
    node.state = state
    node.endedAt = this.#now
    this.#save(node)
    if (parent === null) return endRun(this.#rows, this.#run, { state, cause, now: this.#now })
    const expanded = this.#node(parent)
    if (expanded?.state === 'expanded') this.#settle(expanded, state, cause)
  }

  #cut(node: NodeRecord, cause: number): void {
    if (node.kind !== 'task' || node.side !== null || isTerminal(node)) return
    if (node.state === 'released') this.#drop(node)
    if (node.state === 'expanded') {
      const extent = this.#rows.extentOf(this.#run.run, node.ord)
      if (extent !== undefined) this.#push({ kind: 'cut', at: extent.lo, hi: extent.hi, cause })
    }
    this.#settle(node, 'skipped', cause)
  }

  #drop({ ord, gen, state }: NodeRecord): void {
    if (state !== 'released') return
    const reason = this.#run.reason ?? 'another step of its workflow failed'
    this.#rows.cancel(nodeId({ run: this.#run.run, ord, gen }), reason)
  }

  /**
   * Puts a node back, unless it is kept. Sources are put back before those behind them, so what a side
   * step watches has been decided on when the side step is looked at.
   */
  #reset(node: NodeRecord): void {
    const extent = node.graft === null ? undefined : this.#rows.extentOf(this.#run.run, node.ord)
    if (node.kind === 'task' ? this.#isKept(node) : this.#isAbsorbed(node)) return
    const again = extent !== undefined && node.state !== 'succeeded' && this.#watchedIsKept(node)
    node.state = again ? 'expanded' : 'waiting'
    if (!again) {
      this.#dropGraft(node)
      node.graft = null
    }
    // What it came to before is told no more.
    if (node.kind === 'task') this.#rows.saveValue(this.#run.run, node.ord, null)
    node.pos = 0
    node.cause = null
    node.idle = false
    node.endedAt = null
    this.#save(node)
    if (again) this.#push({ kind: 'reset', at: extent.lo, hi: extent.hi })
  }

  /** What ran in the place of a node is live no more; nor is what ran in the place of that. */
  #dropGraft({ ord, graft }: NodeRecord): void {
    const extent = graft === null ? undefined : this.#rows.extentOf(this.#run.run, ord)
    if (extent === undefined) return
    this.#rows.dropExtent(this.#run.run, ord)
    this.#push({ kind: 'prune', at: extent.lo, hi: extent.hi })
  }

  #isKept(node: NodeRecord): boolean {
    if (this.#isAbsorbed(node)) return true
    const well = node.state === 'succeeded' || (node.state === 'failed' && node.policy !== 'stop')
    return well && this.#watchedIsKept(node)
  }

  /** A failure that its canvas was allowed to have stays, with all that led to it. */
  #isAbsorbed(node: NodeRecord): boolean {
    for (let gate: NodeRecord | undefined = node; gate !== undefined;) {
      const absorbs =
        (gate.gate === 'allow' || gate.gate === 'continue') &&
        gate.side === node.side &&
        gate.state === 'succeeded' &&
        gate.cause !== null
      if (absorbs && this.#watchedIsKept(gate)) return true
      gate = gate.under === null ? undefined : this.#node(gate.under)
    }
    return false
  }

  /** A side step is kept only with the node that it watches. */
  #watchedIsKept({ side }: NodeRecord): boolean {
    if (side === null) return true
    const [ord] = this.#rows.sources(this.#run.run, side, { from: 0, limit: 1 })
    const watched = ord === undefined ? undefined : this.#node(ord)
    return watched !== undefined && this.#isKept(watched)
  }

  /** All is put back: what may run is looked for in every part that was. */
  #begin(): void {
    this.#run.state = 'running'
    for (const { lo, hi, parent } of this.#rows.extents(this.#run.run).toReversed()) {
      if (parent !== null && this.#node(parent)?.state !== 'expanded') continue
      this.#push({ kind: 'scan', at: lo, hi, fresh: false })
    }
  }

  #node(ord: number): NodeRecord | undefined {
    return this.#rows.node(this.#run.run, ord)
  }

  #save(node: NodeRecord): void {
    this.#rows.saveNode(this.#run.run, node)
  }

  #push(item: Todo): void {
    this.#keep(this.#run.todo.length, item)
  }

  /** Keeps what is left of an item below what has been pushed since its turn began. */
  #keep(depth: number, item: Todo): void {
    // When the run has ended, nothing is left to do but to tell those that still run.
    if (this.#run.endedAt === null || item.kind === 'drop') this.#run.todo.splice(depth, 0, item)
  }
}

/** Ends a run, and stores the result that its end is waited for by. */
export function endRun(rows: GraphRows, run: RunRecord, { state, cause, now }: RunEnd): void {
  run.state = state
  run.cause = cause
  run.endedAt = now
  run.todo = []
  const { head, gen } = run
  if (head === null) {
    // It is remembered as long as somebody may still be sending it.
    run.expires = now + buildingTime
    return
  }
  run.expires = now + (state === 'succeeded' ? head.keep.succeeded : head.keep.failed)
  const id = nodeId({ run: run.run, ord: head.end, gen })
  rows.saveResult({ id, body: head.results[state], expiresIn: head.resultTtl })
}

/** How a run ends. */
export interface RunEnd {
  readonly state: 'succeeded' | 'failed' | 'cancelled'
  readonly cause: number | null
  readonly now: number
}
