import { AsyncLocalStorage } from 'node:async_hooks'
import { noLabels, type Labels } from '../core/labels.ts'
import type { Message } from '../core/message.ts'
import { numberLabel } from './check-labels.ts'

/** The message that is running where a new one is sent. */
export interface Line {
  readonly id: string
  readonly root: string
  /** Milliseconds since 1970 after which nothing that it sends starts any more. */
  readonly deadline?: number | undefined
}

/** The line that a message is on while it runs. */
export function lineOf({ id, labels }: Message): Line {
  const root = labels['tw_root']
  const deadline = numberLabel(labels['tw_deadline'])
  return { id, root: typeof root === 'string' ? root : id, deadline }
}

/** What the labels of a message say that is sent there. */
export function lineLabels(line: Line | undefined): Labels {
  return line === undefined ? noLabels : { tw_parent: line.id, tw_root: line.root }
}

const storageKey: unique symbol = Symbol.for('taskwright.lineage')
const place: typeof globalThis & { [storageKey]?: AsyncLocalStorage<Line> } = globalThis

// One for the process, whatever copies of this package are in it: a handler of one broker that sends
// through another is still the parent.
const storage = (place[storageKey] ??= new AsyncLocalStorage<Line>())

/**
 * Knows which message is running here, so that what it sends carries its parent and root. Costs
 * some µs a task on Node 20 (promise hooks), next to nothing from Node 24 on; switched off by the
 * broker's `lineage: false`.
 */
export class Lineage {
  readonly #on: boolean

  constructor(on: boolean) {
    this.#on = on
  }

  /** Runs a handler as this message. */
  run<T>(line: Line, work: () => T): T {
    return this.#on ? storage.run(line, work) : work()
  }

  /** {@link run} for a message, whose line is made only where it is wanted. */
  runMessage<T>(message: Message, work: () => T): T {
    return this.#on ? storage.run(lineOf(message), work) : work()
  }

  /** The running message; `undefined` outside a handler. */
  current(): Line | undefined {
    return this.#on ? storage.getStore() : undefined
  }
}
