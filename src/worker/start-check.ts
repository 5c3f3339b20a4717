import type { NodePlace } from '../core/node-id.ts'
import type { StartAnswer } from '../core/workflow-store.ts'
import { TurnBatch } from '../coalescing/turn-batch.ts'
import type { BrokerRuntime } from '../broker/runtime.ts'
import type { Patience } from './patience.ts'

const mostPerBatch = 256

/**
 * Asks whether steps of workflows may run, and for their input, batched by turn of the event loop: a
 * step of a cancelled run does not start, nor one that its run has gone on without.
 */
export class StartCheck {
  readonly #batch: TurnBatch<NodePlace, StartAnswer>

  constructor(runtime: BrokerRuntime, patience: Patience) {
    this.#batch = new TurnBatch({
      run: (places) =>
        patience.insist(async () => {
          const { workflows } = runtime
          if (workflows === undefined) return places.map(() => nobody)
          return workflows.check(places)
        }),
      most: mostPerBatch,
      inFlight: 2,
    })
  }

  /** One of the two is called, once. */
  ask(
    place: NodePlace,
    answered: (answer: StartAnswer) => void,
    failed: (error: unknown) => void,
  ): void {
    this.#batch.push(place, answered, failed)
  }
}

const nobody: StartAnswer = {
  start: false,
  reason: 'it is a step of a workflow, and the transport of this worker keeps none',
}
