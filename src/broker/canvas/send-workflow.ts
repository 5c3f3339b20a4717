import { milliseconds } from '../../core/duration.ts'
import { InvalidInputError } from '../../core/errors.ts'
import type { ResultRecord } from '../../core/result.ts'
import { isRunId } from '../../core/node-id.ts'
import type { RunHead } from '../../core/workflow-store.ts'
import { cancelledData, deadData } from '../outcome-errors.ts'
import type { BrokerRuntime } from '../runtime.ts'
import type { RunOptions } from './canvas.ts'
import { compile, type Graph } from './compile.ts'
import { makeWorkflowHandle } from './make-workflow-handle.ts'
import type { CanvasPlan } from './plan.ts'
import type { WorkflowHandle } from './workflow-handle.ts'
import { workflowsOf, writePages } from './write-graph.ts'

const day = 86_400_000
/** A page of so few nodes and sources is put in the step that seals; with a larger one that step would hold the store up. */
const sealedWith = 100

/**
 * Compiles a canvas, puts its pages and seals it: from then on it goes on without the caller.
 *
 * @throws InvalidInputError, UnsupportedError (see `compile`), DataNotPlainError, PayloadTooLargeError.
 */
export async function sendWorkflow(
  runtime: BrokerRuntime,
  plan: CanvasPlan,
  options: RunOptions & { readonly input: readonly unknown[] },
): Promise<WorkflowHandle<unknown>> {
  const { input, id: run = newRunId(runtime), deadline, name } = options
  if (!isRunId(run)) throw new InvalidInputError('the id of a run is 20 hex characters (0-9, a-f).')
  if (input.length > 1)
    throw new InvalidInputError(
      'a canvas takes one input at most: the argument that its first step leaves open.',
    )
  const graph = await compile(runtime, plan, { run, input })
  const head: RunHead = {
    ...headOf(runtime, graph),
    ...(name === undefined ? {} : { name }),
    ...(deadline === undefined
      ? {}
      : { deadline: runtime.surroundings.clock.now() + milliseconds(deadline) }),
  }
  await runtime.start()
  const store = workflowsOf(runtime)
  const last = await writePages(runtime, graph.nodes, { run, lo: 0 })
  const size = last.reduce((sum, { sources }) => sum + 1 + sources.length, 0)
  const together = size <= sealedWith
  if (!together) await store.put(run, last)
  const status = await store.seal(run, head, together ? last : [])
  if (status === 'known') return makeWorkflowHandle(runtime, { run, isDuplicate: true })
  const until = runtime.surroundings.clock.monotonic() + head.resultTtl / 2
  const sent = { end: head.end, sink: head.sink, until }
  return makeWorkflowHandle(runtime, { run, isDuplicate: false, sent })
}

/** A run's id: 11 digits of milliseconds, 9 of chance, so that stores keep runs in the order of their making. */
function newRunId(runtime: BrokerRuntime): string {
  const id = runtime.ids()
  return id.slice(1, 12) + id.slice(12, 16).slice(2) + id.slice(-7)
}

function headOf(runtime: BrokerRuntime, graph: Graph): RunHead {
  const { nodes, sink, end, failFast, name } = graph
  const ttl = runtime.resultTtlOf(undefined) ?? day
  return {
    name,
    count: nodes.length,
    sink,
    end,
    failFast,
    results: resultsOf(runtime),
    resultTtl: ttl,
    keep: { succeeded: ttl, failed: Math.max(ttl, 7 * day) },
  }
}

/** The results of an end, which are the same for all runs of a broker: errors with their traces are dear. */
const results = new WeakMap<BrokerRuntime, RunHead['results']>()

function resultsOf(runtime: BrokerRuntime): RunHead['results'] {
  const known = results.get(runtime)
  if (known !== undefined) return known
  const encode = (status: ResultRecord['status'], error: ResultRecord['error']) =>
    runtime.resultCodec.encodeResult({ status, value: null, executionTime: 0, labels: {}, error })
  const made = {
    succeeded: encode('succeeded', null),
    failed: encode('failed', { name: 'Error', message: 'the workflow failed' }),
    cancelled: encode('cancelled', cancelledData('the workflow was cancelled')),
    skipped: encode(
      'dead',
      deadData('skipped', 'a step of its workflow that it waited for has failed'),
    ),
  }
  results.set(runtime, made)
  return made
}
