/** The database thread: opens the file, answers batches, and renews leases. See thread-host.ts. */
import { parentPort, receiveMessageOnPort, workerData, type MessagePort } from 'node:worker_threads'
import { LeaseBeat, type KeepOptions } from '../coalescing/lease-beat.ts'
import { systemClock } from '../core/clock.ts'
import type { Claim } from '../core/delivery.ts'
import { errorData } from '../core/error-data.ts'
import { systemRandom } from '../core/random.ts'
import type { ExtendReport } from '../core/transport.ts'
import { lockPatience } from './engine-host.ts'
import { runBatch } from './engine-runner.ts'
import { describeFailure, failureError } from './failure.ts'
import type { News, Operation } from './operations.ts'
import { loadLibrary } from './sql-driver.ts'
import { SqliteEngine, type Transacted } from './sqlite-engine.ts'
import type { FromThread, ThreadOptions, ToThread } from './thread-messages.ts'
import { packReply, unpackOperation } from './thread-packing.ts'

/** The most claims of one renewing operation. */
const mostClaims = 256

const options = workerData as ThreadOptions
if (parentPort !== null) void start(parentPort)

async function start(port: MessagePort): Promise<void> {
  const post = (message: FromThread): void => port.postMessage(message)
  try {
    const library = await loadLibrary(options.driver)
    const engine = new SqliteEngine({ ...options, library, random: systemRandom })
    serve(engine, port, post)
    post({ kind: 'open' })
  } catch (error) {
    post({ kind: 'failed', failure: describeFailure(error, options.file) })
  }
}

function serve(engine: SqliteEngine, port: MessagePort, post: (message: FromThread) => void): void {
  const beats = new Map<number, LeaseBeat>()
  const run = (operations: readonly Operation[], now: number): Promise<Transacted> => {
    const runner = { clock: systemClock, random: systemRandom, patience: lockPatience }
    return runBatch(engine, { operations, now }, runner)
  }
  const beat = (keeper: number, { lease, every, stallLimit }: KeepOptions): LeaseBeat =>
    new LeaseBeat({
      lease,
      every,
      stallLimit,
      clock: systemClock,
      beats: new Int32Array(options.beats),
      extend: (claims) => extendAll(run, claims, lease),
      onReport: (report) => post({ kind: 'renewed', keeper, report }),
      onError: (error) => post({ kind: 'notRenewed', keeper, error: errorData(error) }),
    })
  /** Calls that came while another one was done are one batch: as many transactions less. */
  const answer = async (calls: readonly Run[]): Promise<void> => {
    const operations = calls.flatMap((each) => each.operations.map(unpackOperation))
    const now = calls.reduce((latest, each) => Math.max(latest, each.now), 0)
    const { replies, news } = await run(operations, now)
    const packed = replies.map((reply, i) => packReply(operations[i], reply))
    let from = 0
    for (const [i, { call, operations: its }] of calls.entries()) {
      const to = from + its.length
      // Told once, with the first.
      const told = i === 0 ? news : noNews
      post({ kind: 'ran', call, replies: packed.slice(from, to), news: told, mine: engine.mine })
      from = to
    }
  }
  const hear = (message: ToThread, calls: Run[]): void => {
    switch (message.kind) {
      case 'run':
        calls.push(message)
        break
      case 'version':
        post({ kind: 'version', call: message.call, version: engine.dataVersion() })
        break
      case 'keeper':
        beats.set(message.keeper, beat(message.keeper, message.options))
        break
      case 'held':
        beats.get(message.keeper)?.change(message.keep, message.forget)
        break
      case 'keeperEnd':
        beats.get(message.keeper)?.stop()
        beats.delete(message.keeper)
        break
      case 'close':
        for (const each of beats.values()) each.stop()
        engine.close()
        port.close()
    }
  }
  port.on('message', (message: ToThread) => {
    const calls: Run[] = []
    hear(message, calls)
    for (let next = waitingOn(port); next !== undefined; next = waitingOn(port)) hear(next, calls)
    if (calls.length > 0) void answer(calls)
  })
}

type Run = ToThread & { readonly kind: 'run' }

const noNews: News = { work: false, results: false, cancels: false, locks: false, unfinished: [] }

/** A message that has come already. */
function waitingOn(port: MessagePort): ToThread | undefined {
  return receiveMessageOnPort(port)?.message as ToThread | undefined
}

async function extendAll(
  run: (operations: readonly Operation[], now: number) => Promise<Transacted>,
  claims: readonly Claim[],
  lease: number,
): Promise<ExtendReport> {
  const operations: Operation[] = []
  for (let i = 0; i < claims.length; i += mostClaims) {
    const ask = { claims: claims.slice(i, i + mostClaims), lease }
    operations.push({ kind: 'extend', ask })
  }
  const { replies } = await run(operations, systemClock.now())
  const reports = replies.map((reply) => {
    if (!reply.done) throw failureError(reply.failure)
    return reply.answer as ExtendReport
  })
  return {
    lost: reports.flatMap(({ lost }) => lost),
    cancelled: reports.flatMap(({ cancelled }) => cancelled),
  }
}
