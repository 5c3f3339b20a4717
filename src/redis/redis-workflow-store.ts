import type { RedisArgument } from '../connections/redis/redis-client.ts'
import { InvalidInputError, NotStartedError } from '../core/errors.ts'
import type { NodePlace } from '../core/node-id.ts'
import type {
  ControlStatus,
  MoreSources,
  NodeValue,
  NodeView,
  RunCommand,
  RunHead,
  RunPage,
  RunState,
  RunView,
  StartAnswer,
  WorkflowNode,
  WorkflowStore,
} from '../core/workflow-store.ts'
import { gatedLine, gateText } from './line-priority.ts'
import type { RedisStore } from './redis-store.ts'
import {
  cancelRunScript,
  nodesScript,
  pumpScript,
  putAndSealScript,
  putScript,
  reserveScript,
  resumeRunScript,
  runsScript,
  sealScript,
  startScript,
  sweepScript,
  valueScript,
  valuesScript,
} from './scripts/workflow-scripts.ts'
import { buildingTime } from '../graphs/run-step.ts'
import { life } from './settle-answer.ts'
import { toWire } from './wire-body.ts'
import { nodeText, nodeViewOf, valueOf } from './workflow-wire.ts'

/** The most nodes of one run, and sources that one call puts. */
const mostNodes = 1_000_000
const listPage = 200
const deadlineReason = 'its deadline has passed'

/** The workflows of a store that its transport has opened. */
export class RedisWorkflowStore implements WorkflowStore {
  readonly #store: RedisStore
  readonly #isStarted: () => boolean

  constructor(store: RedisStore, isStarted: () => boolean) {
    this.#store = store
    this.#isStarted = isStarted
  }

  onMore(listener: (run: string) => void): void {
    this.#store.onUnfinished = listener
  }

  async reserve(run: string, count: number): Promise<number> {
    const first = Number(await this.#run(reserveScript, run, [count]))
    if (first < 0) throw new InvalidInputError(`there is no workflow ${run} to expand.`)
    if (first + count <= mostNodes) return first
    throw new InvalidInputError(`workflow ${run} would have more than ${mostNodes} nodes.`)
  }

  async put(run: string, nodes: readonly (WorkflowNode | MoreSources)[]): Promise<void> {
    await this.#run(putScript, run, await this.#putArguments(nodes))
  }

  /** Of the script, behind its run. Whoever sends to a queue makes its group first. */
  async #putArguments(
    nodes: readonly (WorkflowNode | MoreSources)[],
  ): Promise<readonly RedisArgument[]> {
    const queues = nodes.flatMap((node) => ('from' in node ? [] : (node.message?.queue ?? [])))
    for (const queue of new Set(queues)) await this.#store.ensureGroup(queue)
    const args = nodes.flatMap((node): RedisArgument[] => {
      if ('from' in node) return [node.ord, '', node.from, node.sources.length, ...node.sources, 0]
      const { ord, sources, message, width = sources.length } = node
      const head = [ord, nodeText(node), width, sources.length, ...sources]
      if (message === undefined) return [...head, 0]
      const { queue, priority, delay = 0, body, gates } = message
      const { stream, side } = this.#store.keys.queue(queue)
      const line = gates === undefined ? String(priority) : gatedLine(priority)
      const limits = gates === undefined ? '' : gateText(gates)
      return [...head, 1, stream, side, queue, line, delay, toWire(body), limits]
    })
    return [buildingTime, nodes.length, ...args]
  }

  async seal(
    run: string,
    head: RunHead,
    last: readonly (WorkflowNode | MoreSources)[] = [],
  ): Promise<'sealed' | 'known'> {
    const { name, count, sink, end, failFast, results, resultTtl, keep, deadline } = head
    const spans = failFast.map(({ lo, hi }) => [lo, hi])
    const { succeeded, failed, cancelled, skipped } = results
    const first = last.length === 0 ? [] : [run, ...(await this.#putArguments(last))]
    const [status, more] = (await this.#store.commit(
      last.length === 0 ? sealScript : putAndSealScript,
      [this.#key(run)],
      [
        ...first,
        run,
        name,
        count,
        sink,
        end,
        spans.length === 0 ? '' : JSON.stringify(spans),
        ...[succeeded, failed, cancelled, skipped].map(toWire),
        life(resultTtl),
        life(keep.succeeded),
        life(keep.failed),
        deadline ?? '',
      ],
    )) as ['sealed' | 'known' | 'none', number]
    if (status === 'none') throw new InvalidInputError(`no node of workflow ${run} was put.`)
    if (more > 0) this.#store.onUnfinished(run)
    return status
  }

  async pump(run: string): Promise<{ more: boolean }> {
    return { more: Number(await this.#run(pumpScript, run, [])) > 0 }
  }

  async check(places: readonly NodePlace[]): Promise<readonly StartAnswer[]> {
    this.#checkStarted()
    const args = places.flatMap(({ run, ord, gen }) => [run, ord, gen])
    const answers = (await this.#store.runBuffers(
      startScript,
      places.map(({ run }) => this.#key(run)),
      [places.length, ...args],
    )) as readonly (Buffer | readonly [number, unknown?])[]
    return answers.map((answer): StartAnswer => {
      if (Buffer.isBuffer(answer)) return { start: false, reason: answer.toString() }
      const [source, input] = answer
      const from = { start: true as const, source: source < 0 ? null : source }
      return input === undefined ? from : { ...from, input: valueOf(input) }
    })
  }

  async control(run: string, command: RunCommand): Promise<ControlStatus> {
    const answer =
      command.kind === 'cancel'
        ? await this.#run(cancelRunScript, run, [command.reason])
        : await this.#run(resumeRunScript, run, [command.expected])
    const [status, more] = answer as [ControlStatus, number]
    if (more > 0) this.#store.onUnfinished(run)
    return status
  }

  async read(run: string): Promise<RunView | null> {
    const [view = null] = await this.#views([run])
    return view
  }

  async nodes(run: string, page: { from: number; limit: number }): Promise<readonly NodeView[]> {
    const answer = await this.#buffers(nodesScript, run, [page.from, page.limit])
    return (answer as readonly unknown[]).map(nodeViewOf)
  }

  async value(run: string, ord: number): Promise<NodeValue> {
    return valueOf(await this.#buffers(valueScript, run, [ord]))
  }

  async values(
    run: string,
    page: { ord: number; from: number; limit: number },
  ): Promise<readonly NodeValue[]> {
    const answer = await this.#buffers(valuesScript, run, [page.ord, page.from, page.limit])
    return (answer as readonly unknown[]).map(valueOf)
  }

  async list({ limit, after, state }: RunPage): Promise<readonly RunView[]> {
    this.#checkStarted()
    const key = `${this.#store.keys.app}wf:runs`
    const rank =
      after === undefined ? null : await this.#store.commands.call('ZREVRANK', [key, after])
    const found: RunView[] = []
    for (let from = rank === null ? 0 : Number(rank) + 1; found.length < limit; from += listPage) {
      const ids = (await this.#store.commands.call('ZREVRANGE', [
        key,
        from,
        from + listPage - 1,
      ])) as readonly string[]
      if (ids.length === 0) break
      for (const view of await this.#views(ids))
        if (view !== null && (state === undefined || view.state === state)) found.push(view)
    }
    return found.slice(0, limit)
  }

  async sweep(limit: number): Promise<readonly string[]> {
    this.#checkStarted()
    const args = [limit, deadlineReason]
    return (await this.#store.run(sweepScript, [this.#key('todo')], args)) as readonly string[]
  }

  async #views(runs: readonly string[]): Promise<(RunView | null)[]> {
    this.#checkStarted()
    const keys = runs.map((run) => this.#key(run))
    const answers = (await this.#store.run(runsScript, keys, [
      runs.length,
      ...runs,
    ])) as readonly (readonly (string | null)[])[]
    return answers.map((fields, i) => viewOf(runs[i] ?? '', fields))
  }

  #run(script: typeof putScript, run: string, args: readonly RedisArgument[]): Promise<unknown> {
    this.#checkStarted()
    return this.#store.run(script, [this.#key(run)], [run, ...args])
  }

  #buffers(
    script: typeof putScript,
    run: string,
    args: readonly RedisArgument[],
  ): Promise<unknown> {
    this.#checkStarted()
    return this.#store.runBuffers(script, [this.#key(run)], [run, ...args])
  }

  #key(run: string): string {
    return `${this.#store.keys.app}wf:${run}`
  }

  #checkStarted(): void {
    if (this.#isStarted()) return
    throw new NotStartedError('the Redis transport is not started: await broker.start() first.')
  }
}

function viewOf(run: string, fields: readonly (string | null)[]): RunView | null {
  const [state, name, gen, count, next, sink, end, created, ended, cause, reason] = fields
  if (state === null || state === undefined) return null
  const known = (text: string | null | undefined): string | null => (text ? text : null)
  const number = (text: string | null | undefined): number | null =>
    known(text) === null ? null : Number(text)
  return {
    run,
    name: name ?? '',
    state: state as RunState,
    gen: Number(gen),
    count: Number(count ?? next),
    sink: number(sink) ?? 0,
    end: number(end) ?? 0,
    createdAt: Number(created),
    endedAt: number(ended),
    cause: number(cause),
    reason: known(reason),
  }
}
