import { NonRetryableError } from '../core/errors.ts'
import { failpoint } from '../core/failpoint.ts'
import type { Envelope } from '../core/message.ts'
import type { TaskStatus } from '../core/states.ts'
import type { SettleStatus, Settlement } from '../core/settlement.ts'
import { settlementOf, type Ending } from '../broker/finish.ts'
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

/** Brings the end of a run into the store, whatever the store says to it first. */
export class Finisher {
  readonly #options: FinisherOptions

  constructor(options: FinisherOptions) {
    this.#options = options
  }

  /** Early acknowledgement: the message ends before it runs. */
  acknowledge(run: Run): Promise<SettleStatus> {
    return this.#options.settler.settle({ claim: run.delivery, outcome: { kind: 'succeeded' } })
  }

  /**
   * Settles; `undefined` when the message was not ours any more and nothing was written.
   * @throws the store's error when patience has ended.
   */
  finish(run: Run, end: SettleEnd): Promise<Settled | undefined> {
    const settlement = this.#encode(run, end)
    failpoint('finish.encoded')
    if (run.acknowledged) return this.#afterTheFact(run, settlement)
    // One callback, no async function: nearly every message ends here, settled at the first try.
    return this.#options.settler.settle(settlement).then(
      (status) =>
        status === 'settled' ? told(settlement) : this.#unsettled(run, end, { settlement, status }),
      (error: unknown) => this.#refused(run, end, error),
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
    const status = await this.#options.settler.settle(settlement)
    return status === 'settled'
      ? told(settlement)
      : this.#unsettled(run, end, { settlement, status })
  }

  /** Not ours any more; or cancelled, which is settled then. */
  async #unsettled(
    run: Run,
    { ending, seconds }: SettleEnd,
    { settlement, status }: { settlement: Settlement; status: SettleStatus },
  ): Promise<Settled | undefined> {
    const { runtime, settler, patience } = this.#options
    if (status !== 'cancelled') return undefined
    // Cancelled while it ended: what it returned is refused.
    if (!runtime.resultsInSettle && settlement.result !== undefined)
      await patience.insist(() => runtime.results.delete([run.delivery.id]))
    const reason = await this.#cancelReason(run)
    failpoint('finish.cancelled')
    const again = settlementOf(runtime, cancelledEnding(aboutOf(run, ending), reason, seconds))
    return (await settler.settle(again)) === 'settled' ? told(again) : undefined
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
    return told({ outcome })
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

function told({ outcome }: Pick<Settlement, 'outcome'>): Settled {
  if (outcome.kind === 'succeeded') return success
  if (outcome.kind === 'cancelled') return { status: 'cancelled', detail: outcome.reason }
  if (outcome.kind === 'retry')
    return { status: 'retrying', detail: `again in ${outcome.delay} ms` }
  return {
    status: outcome.reason === 'failed' ? 'failed' : 'dead',
    detail: `${outcome.reason}: ${outcome.detail}`,
  }
}
