/** A place in a run, and for the how-manieth time it runs. */
export interface NodePlace {
  /** 20 hex characters. */
  readonly run: string
  /** The node's ordinal in the graph of its run. */
  readonly ord: number
  /** The generation: 0 at first, one more with each resume. */
  readonly gen: number
}

/** The most generations, nodes and so on that an id has room for. */
export const mostGenerations = 0xffff

/**
 * The message id of a node: run (20 hex characters), ordinal (8), generation (4). Whoever releases a
 * node twice writes the same id, so that a crash between two steps repeats and never forks. Retries
 * keep it.
 */
export function nodeId({ run, ord, gen }: NodePlace): string {
  return run + ord.toString(16).padStart(8, '0') + gen.toString(16).padStart(4, '0')
}

/** The place that an id names; `undefined` for an id of another form. Ordinary ids may have this form too. */
export function readNodeId(id: string): NodePlace | undefined {
  if (!/^[0-9a-f]{32}$/.test(id)) return undefined
  return {
    run: id.slice(0, 20),
    ord: Number.parseInt(id.slice(20, 28), 16),
    gen: Number.parseInt(id.slice(28), 16),
  }
}

/** Whether a text may be the id of a run. */
export function isRunId(text: unknown): text is string {
  return typeof text === 'string' && /^[0-9a-f]{20}$/.test(text)
}

/**
 * The run that a message starts where a plan of a workflow sent it: the part of its id that follows from plan
 * and slot, or was drawn by chance. So whoever starts it again starts the same run. `undefined` for an id
 * that is not 32 hex characters.
 */
export function runOfMessage(id: string): string | undefined {
  return /^[0-9a-f]{32}$/.test(id) ? id.slice(12) : undefined
}
