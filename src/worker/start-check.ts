import type { Clock } from '../core/clock.ts'
import type { KnownStart } from '../core/delivery.ts'
import type { NodePlace } from '../core/node-id.ts'
import type { StartAnswer } from '../core/workflow-store.ts'
import { TurnBatch } from '../coalescing/turn-batch.ts'
import type { BrokerRuntime } from '../broker/runtime.ts'
import type { Patience } from './patience.ts'

const mostPerBatch = 256
/**
 * Milliseconds after a claim in which what it knew of a step's start will do. What is cancelled meanwhile is told to those
 * who hold it; a step that has waited for a slot may have missed that, and is asked about when it starts.
 */
const knownFor = 20

/**
 * Asks whether steps of workflows may run, and for their input, batched by turn of the event loop: a
 * step of a cancelled run does not start, nor one that its run has gone on without.
 */
export class StartCheck {
  readonly #batch: TurnBatch<NodePlace, StartAnswer>
  readonly #clock: Clock

  constructor(runtime: BrokerRuntime, patience: Patience) {
    this.#clock = runtime.surroundings.clock
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

  /** One of the two is called, once; at once where its claim has brought the answer. */
  ask(
    { place, known }: { place: NodePlace; known: KnownStart | undefined },
    answered: (answer: StartAnswer) => void,
    failed: (error: unknown) => void,
  ): void {
    if (known !== undefined && this.#clock.monotonic() - known.at <= knownFor)
      answered(known.answer)
    else this.#batch.push(place, answered, failed)
  }
}

const nobody: StartAnswer = {
  start: false,
  reason: 'it is a step of a workflow, and the transport of this worker keeps none',
}
