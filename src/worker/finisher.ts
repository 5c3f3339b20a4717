import { NonRetryableError, TaskwrightError } from '../core/errors.ts'
import type { TaskStatus } from '../core/states.ts'
import type { Settlement } from '../core/settlement.ts'
import { settlementOf } from '../broker/finish.ts'
import type { BrokerRuntime } from '../broker/runtime.ts'
import { cancelledEnding, givenUpEnding } from './endings.ts'
import type { RunEnd } from './executor.ts'
import type { Run } from './run.ts'
import type { Settler } from './settler.ts'

/** What a delivery came to. */
export interface Settled {
  readonly status: TaskStatus
  readonly detail: string | undefined
}

type SettleEnd = Extract<RunEnd, { kind: 'settle' }>

/** Brings the end of a run into the store, whatever the store says to it first. */
export class Finisher {
  readonly #runtime: BrokerRuntime
  readonly #settler: Settler
  readonly #onError: (error: unknown) => void

  constructor(runtime: BrokerRuntime, settler: Settler, onError: (error: unknown) => void) {
    this.#runtime = runtime
    this.#settler = settler
    this.#onError = onError
  }

  /** Early acknowledgement: the message ends before it runs. False when it is not ours. */
  async acknowledge(run: Run): Promise<boolean> {
    return (
      (await this.#settler.settle({ claim: run.delivery, outcome: { kind: 'succeeded' } })) ===
      'settled'
    )
  }

  /** Settles; `undefined` when the message was not ours any more and nothing was written. */
  async finish(run: Run, end: SettleEnd, acknowledged: boolean): Promise<Settled | undefined> {
    const settlement = this.#encode(run, end)
    if (acknowledged) return this.#afterTheFact(run, settlement)
    const status = await this.#settler.settle(settlement)
    if (status === 'settled') return told(settlement)
    if (status !== 'cancelled') return undefined
    // Cancelled while it ended: what it returned is refused.
    const reason =
      run.interruption?.kind === 'cancelled'
        ? run.interruption.error.reason
        : 'cancelled while it ran'
    const { task } = end.ending
    const cancelled = cancelledEnding(
      { delivery: run.delivery, message: undefined, task },
      reason,
      end.seconds,
    )
    const again = settlementOf(this.#runtime, cancelled)
    return (await this.#settler.settle(again)) === 'settled' ? told(again) : undefined
  }

  /** A value that cannot travel is the task's failure, not the worker's. */
  #encode(run: Run, { ending, seconds }: SettleEnd): Settlement {
    try {
      return settlementOf(this.#runtime, ending)
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      const failure = new NonRetryableError(
        `the result of task '${run.taskName}' cannot be stored: ${why}`,
        { cause: error },
      )
      const failed = givenUpEnding(
        { delivery: run.delivery, message: undefined, task: ending.task },
        failure,
        seconds,
      )
      return settlementOf(this.#runtime, failed)
    }
  }

  /** The message was acknowledged before it ran: only its result, or a retry as a new message, is left to store. */
  async #afterTheFact(run: Run, { outcome, result }: Settlement): Promise<Settled> {
    try {
      if (outcome.kind === 'retry') {
        const { id, queue, priority } = run.delivery
        const { body, delay } = outcome
        await this.#runtime.transport.send([
          { id, queue: outcome.queue ?? queue, priority, body, delay },
        ])
      } else if (result !== undefined) await this.#runtime.results.save([result])
    } catch (error) {
      this.#onError(
        error instanceof TaskwrightError
          ? error
          : new Error('a result was lost (ack: early)', { cause: error }),
      )
    }
    return told({ outcome })
  }
}

function told({ outcome }: Pick<Settlement, 'outcome'>): Settled {
  if (outcome.kind === 'succeeded') return { status: 'succeeded', detail: undefined }
  if (outcome.kind === 'cancelled') return { status: 'cancelled', detail: outcome.reason }
  if (outcome.kind === 'retry')
    return { status: 'retrying', detail: `again in ${outcome.delay} ms` }
  return {
    status: outcome.reason === 'failed' ? 'failed' : 'dead',
    detail: `${outcome.reason}: ${outcome.detail}`,
  }
}
