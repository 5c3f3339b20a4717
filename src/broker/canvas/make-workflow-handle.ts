import { milliseconds } from '../../core/duration.ts'
import { InvalidInputError, TaskCancelledError } from '../../core/errors.ts'
import { nodeId } from '../../core/node-id.ts'
import type { ResultRecord, TaskResult } from '../../core/result.ts'
import type { NodeValue, RunView } from '../../core/workflow-store.ts'
import { makeHandle } from '../handle.ts'
import { outcomeError } from '../outcome-errors.ts'
import type { BrokerRuntime } from '../runtime.ts'
import type { WaitOptions } from '../task-handle.ts'
import { graphOf } from './graph-view.ts'
import { allNodes, nodeInfos } from './node-infos.ts'
import { readValue } from './read-value.ts'
import type { WorkflowHandle } from './workflow-handle.ts'
import { workflowsOf } from './write-graph.ts'

/** Of a run that was sent just now: what need not be asked of the store. */
export interface SentRun {
  /** Ordinals. */
  readonly end: number
  readonly sink: number
  /** Milliseconds of the monotonic clock until which a result of it is surely kept. */
  readonly until: number
}

/** What a handle is made of. */
export interface HandleOfRun {
  readonly run: string
  readonly isDuplicate: boolean
  readonly sent?: SentRun | undefined
}

/** The handle of a run. Holds no resource. */
export function makeWorkflowHandle(
  runtime: BrokerRuntime,
  { run, isDuplicate, sent }: HandleOfRun,
): WorkflowHandle<unknown> {
  const read = async (): Promise<RunView | null> => {
    await runtime.start()
    return workflowsOf(runtime).read(run)
  }
  const known = async (): Promise<RunView> => {
    const view = await read()
    if (view !== null) return view
    throw new InvalidInputError(
      `there is no workflow ${run}: it was never sent, or is not kept any more.`,
    )
  }
  const ended = (options: WaitOptions | undefined): Promise<Ended> =>
    endOf(runtime, { run, sent, known, options })
  return {
    runId: run,
    taskId: run,
    isDuplicate,
    conflict: undefined,
    async result(options) {
      const outcome = await outcomeOf(runtime, await ended(options))
      if (outcome.error === null) return outcome.value
      throw outcome.error
    },
    async waitResult(options): Promise<TaskResult<unknown>> {
      const end = await ended(options)
      const { view } = end
      const { value, error, status } = await outcomeOf(runtime, end)
      const executionTime = ((view.endedAt ?? view.createdAt) - view.createdAt) / 1000
      const facts = { status, executionTime, labels: {} }
      return error === null
        ? { ...facts, isErr: false, returnValue: value, error: null }
        : { ...facts, isErr: true, returnValue: null, error }
    },
    async status() {
      const view = await read()
      if (view === null) return null
      const { state } = view
      return state === 'building' || state === 'resuming' ? 'running' : state
    },
    async progress() {
      const view = await read()
      if (view === null) return null
      const tasks = (await allNodes(runtime, run)).filter(({ kind }) => kind === 'task')
      const done = tasks.filter(({ endedAt }) => endedAt !== null).length
      return { state: view.state, meta: { done, total: tasks.length } }
    },
    async nodes() {
      return nodeInfos(runtime, await known(), await allNodes(runtime, run))
    },
    async graph() {
      const view = await known()
      const nodes = await allNodes(runtime, run)
      return graphOf(nodes, await nodeInfos(runtime, view, nodes))
    },
    async cancel(reason = 'cancelled by the caller') {
      await runtime.start()
      return (await workflowsOf(runtime).control(run, { kind: 'cancel', reason })) === 'ok'
    },
    async resume() {
      const { gen } = await known()
      const status = await workflowsOf(runtime).control(run, { kind: 'resume', expected: gen })
      // Somebody else has just resumed it, which is what was asked for.
      if (status === 'ok' || status === 'conflict') return
      const { state } = await known()
      throw new InvalidInputError(
        state === 'succeeded'
          ? `workflow ${run} has succeeded: there is nothing to resume.`
          : `workflow ${run} is still going: cancel it, or wait for its end, before you resume it.`,
      )
    },
  }
}

/** A run that has ended. */
interface Ended {
  readonly view: RunView
  /** The value of its last step, where that was read together with it; absent: it was not. */
  readonly value?: NodeValue | undefined
}

/** Waits for the end of a run, whichever generation it is that ends it. */
async function endOf(
  runtime: BrokerRuntime,
  of: {
    run: string
    sent: SentRun | undefined
    known: () => Promise<RunView>
    options: WaitOptions | undefined
  },
): Promise<Ended> {
  const { run, sent, known, options } = of
  const { clock } = runtime.surroundings
  const timeout = options?.timeout
  const until = timeout === undefined ? undefined : clock.monotonic() + milliseconds(timeout)
  // Before it is sealed nobody knows which node is its end.
  let next: { end: number; sink: number; gen: number }
  if (sent !== undefined && clock.monotonic() < sent.until) next = { ...sent, gen: 0 }
  else {
    const view = await known()
    if (view.endedAt !== null) return { view }
    next = view
  }
  for (;;) {
    const { end: ord, sink, gen } = next
    const left = until === undefined ? undefined : Math.max(0, until - clock.monotonic())
    await makeHandle(runtime, nodeId({ run, ord, gen })).waitResult({ ...options, timeout: left })
    // Most succeed: their value is asked for in the same turn.
    const [view, value] = await Promise.all([known(), workflowsOf(runtime).value(run, sink)])
    if (view.endedAt !== null)
      return view.state === 'succeeded' && view.sink === sink ? { view, value } : { view }
    next = view
  }
}

interface Outcome {
  readonly status: ResultRecord['status']
  readonly value: unknown
  readonly error: Error | null
}

async function outcomeOf(runtime: BrokerRuntime, { view, value }: Ended): Promise<Outcome> {
  const { run, state, sink, cause, reason } = view
  if (state === 'cancelled') {
    return {
      status: 'cancelled',
      value: null,
      error: new TaskCancelledError(reason ?? 'cancelled'),
    }
  }
  const found =
    value === undefined
      ? await workflowsOf(runtime).value(run, state === 'failed' ? (cause ?? sink) : sink)
      : value
  if (state === 'succeeded')
    return { status: 'succeeded', value: await readValue(runtime, run, found), error: null }
  const failure =
    typeof found === 'object' && found !== null && 'failed' in found ? found : undefined
  const id = nodeId({ run, ord: failure?.failed ?? sink, gen: failure?.gen ?? view.gen })
  const record: ResultRecord =
    failure === undefined || failure.body === null
      ? {
          status: 'failed',
          value: null,
          executionTime: 0,
          labels: {},
          error: { name: 'Error', message: `step '${failure?.name ?? ''}' failed` },
        }
      : runtime.resultCodec.decodeResult(failure.body)
  // A step that was cancelled by itself failed its run: the run was not cancelled.
  return { status: 'failed', value: null, error: outcomeError(id, record) }
}
