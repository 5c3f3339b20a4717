import { NonRetryableError } from '../core/errors.ts'
import { failpoint } from '../core/failpoint.ts'
import type { Envelope, Message } from '../core/message.ts'
import type { TaskStatus } from '../core/states.ts'
import type { SettleStatus, Settlement } from '../core/settlement.ts'
import { settlementOf, type Ending } from '../broker/finish.ts'
import { pipeNext, type PipeNext } from '../broker/pipeline/pipe-next.ts'
import { pipeLabels } from '../broker/pipeline/pipe-step.ts'
import { isRefusal } from '../broker/refusal.ts'
import type { BrokerRuntime } from '../broker/runtime.ts'
import { cancelledEnding, givenUpEnding, type About } from './endings.ts'
import type { RunEnd } from './executor.ts'
import type { Patience } from './patience.ts'
import type { Run } from './run.ts'
import type { Settler } from './settler.ts'

/** What a delivery came to. */
export interface Settled {
  readonly status: TaskStatus
  readonly detail: string | undefined
}

type SettleEnd = Extract<RunEnd, { kind: 'settle' }>

/** What a {@link Finisher} needs. */
export interface FinisherOptions {
  readonly runtime: BrokerRuntime
  readonly settler: Settler
  readonly patience: Patience
  readonly lease: number
}

/** Who is told of the end of a run in the store. */
export interface FinishListener {
  readonly finished: (run: Run, settled: Settled | undefined, seconds: number) => void
  readonly failed: (run: Run, error: unknown) => void
}

/** Brings the end of a run into the store, whatever the store says to it first. */
export class Finisher {
  readonly #options: FinisherOptions

  constructor(options: FinisherOptions) {
    this.#options = options
  }

  /** Early acknowledgement: the message ends before it runs. */
  acknowledge(run: Run): Promise<SettleStatus> {
    return this.#settle({ claim: run.delivery, outcome: { kind: 'succeeded' } })
  }

  /**
   * Settles, and tells once what came of it: `undefined` when the message was not ours any more and
   * nothing was written; a failure when patience has ended. Nearly every message is settled at the first
   * try, and needs no promise here.
   */
  finish(run: Run, end: SettleEnd, told: FinishListener): void {
    if (run.message?.labels[pipeLabels.data] !== undefined) {
      this.#withNext(run, run.message, end).then(
        (piped) => this.#finish(run, piped, told),
        (error: unknown) => told.failed(run, error),
      )
    } else this.#finish(run, end, told)
  }

  /** A step of a pipeline ends together with what follows from it. */
  async #withNext(run: Run, message: Message, end: SettleEnd): Promise<SettleEnd> {
    const { runtime, patience, lease } = this.#options
    let next: PipeNext
    try {
      next = pipeNext(runtime, message, end.ending)
    } catch (error) {
      // Labels that nobody can read have no next step.
      const { task, id } = message
      runtime.surroundings.logger.warn('a step of a pipeline leads nowhere', { task, id, error })
      return end
    }
    const { failure, followUps } = next
    if (failure !== undefined) {
      // Told first, so that a crash repeats it; but not by one whose message is in other hands.
      const { lost } = await patience.insist(() => runtime.transport.extend([run.delivery], lease))
      if (lost.length === 0) await patience.insist(() => runtime.results.save([failure]))
    }
    return { ...end, ending: { ...end.ending, followUps } }
  }

  #finish(run: Run, end: SettleEnd, told: FinishListener): void {
    let settlement: Settlement
    try {
      settlement = this.#encode(run, end)
      failpoint('finish.encoded')
    } catch (error) {
      return told.failed(run, error)
    }
    const later = (settled: Promise<Settled | undefined>): void =>
      void settled.then(
        (found) => told.finished(run, found, end.seconds),
        (error: unknown) => told.failed(run, error),
      )
    if (run.acknowledged) return later(this.#afterTheFact(run, settlement))
    this.#options.settler.settle(
      settlement,
      (status) => {
        if (status === 'settled') told.finished(run, settledAs(settlement), end.seconds)
        else later(this.#unsettled(run, end, { settlement, status }))
      },
      (error) => later(this.#refused(run, end, error)),
    )
  }

  #settle(settlement: Settlement): Promise<SettleStatus> {
    return new Promise((resolve, reject) =>
      this.#options.settler.settle(settlement, resolve, reject),
    )
  }

  /** A message that was acknowledged early and did not end by itself goes back as what it was. */
  async sendAgain(run: Run): Promise<void> {
    await this.#send(run, { body: run.delivery.body })
  }

  /** A refusal will not pass: what the task came to cannot be stored, and that is stored instead. */
  async #refused(run: Run, end: SettleEnd, error: unknown): Promise<Settled | undefined> {
    if (!isRefusal(error)) throw error
    const settlement = this.#unstorable(run, { error, ...end })
    const status = await this.#settle(settlement)
    return status === 'settled'
      ? settledAs(settlement)
      : this.#unsettled(run, end, { settlement, status })
  }

  /** Not ours any more; or cancelled, which is settled then. */
  async #unsettled(
    run: Run,
    { ending, seconds }: SettleEnd,
    { settlement, status }: { settlement: Settlement; status: SettleStatus },
  ): Promise<Settled | undefined> {
    const { runtime, patience } = this.#options
    if (status !== 'cancelled') return undefined
    // Cancelled while it ended: what it returned is refused.
    if (!runtime.resultsInSettle && settlement.result !== undefined)
      await patience.insist(() => runtime.results.delete([run.delivery.id]))
    const reason = await this.#cancelReason(run)
    failpoint('finish.cancelled')
    const again = settlementOf(runtime, cancelledEnding(aboutOf(run, ending), reason, seconds))
    return (await this.#settle(again)) === 'settled' ? settledAs(again) : undefined
  }

  /** The store knows why; the heartbeat may not have told us yet. */
  async #cancelReason({ delivery, interruption }: Run): Promise<string> {
    if (interruption?.kind === 'cancelled') return interruption.error.reason
    const { runtime, patience, lease } = this.#options
    const { cancelled } = await patience.insist(() => runtime.transport.extend([delivery], lease))
    return cancelled[0]?.reason ?? 'cancelled while it ran'
  }

  /** A value that cannot travel is the task's failure, not the worker's. */
  #encode(run: Run, { ending, seconds }: SettleEnd): Settlement {
    try {
      return settlementOf(this.#options.runtime, ending)
    } catch (error) {
      return this.#unstorable(run, { error, ending, seconds })
    }
  }

  #unstorable(run: Run, of: { error: unknown; ending: Ending; seconds: number }): Settlement {
    const why = of.error instanceof Error ? of.error.message : String(of.error)
    const failure = new NonRetryableError(
      `the result of task '${run.taskName}' cannot be stored: ${why}`,
      { cause: of.error },
    )
    const failed = givenUpEnding(aboutOf(run, of.ending), failure, of.seconds)
    return settlementOf(this.#options.runtime, failed)
  }

  /** The message was acknowledged before it ran: only its result, or a retry as a new message, is left to store. */
  async #afterTheFact(run: Run, { outcome, result }: Settlement): Promise<Settled> {
    const { runtime, patience } = this.#options
    if (outcome.kind === 'retry') await this.#send(run, outcome)
    else if (result !== undefined) await patience.insist(() => runtime.results.save([result]))
    failpoint('finish.saved')
    return settledAs({ outcome })
  }

  async #send({ delivery }: Run, { body, delay }: Pick<Envelope, 'body' | 'delay'>): Promise<void> {
    const { runtime, patience } = this.#options
    const { id, queue, priority, expires } = delivery
    const envelope = { id, queue, priority, body, delay, expires }
    await patience.insist(() => runtime.transport.send([envelope]))
  }
}

function aboutOf({ delivery, message }: Run, { task }: Ending): About {
  return { delivery, message, task }
}

const success: Settled = { status: 'succeeded', detail: undefined }

function settledAs({ outcome }: Pick<Settlement, 'outcome'>): Settled {
  if (outcome.kind === 'succeeded') return success
  if (outcome.kind === 'cancelled') return { status: 'cancelled', detail: outcome.reason }
  if (outcome.kind === 'retry')
    return { status: 'retrying', detail: `again in ${outcome.delay} ms` }
  return {
    status: outcome.reason === 'failed' ? 'failed' : 'dead',
    detail: `${outcome.reason}: ${outcome.detail}`,
  }
}
