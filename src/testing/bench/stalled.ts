import type { RunningTask } from './activity.ts'

/** What there is when nothing moves. */
export interface Stall {
  /** Which wait is given up. */
  readonly what: string
  readonly running: readonly RunningTask[]
  readonly backlog: {
    readonly queued: number
    readonly scheduled: number
    readonly running: number
  }
  /** Milliseconds until the first timer of the clock. */
  readonly untilNext: number
  /** Milliseconds of the clock. */
  readonly now: number
  /** Real milliseconds. */
  readonly giveUpAfter: number
  readonly replay: string
}

/** The error of a wait in a test that would never end: a hang that says why. */
export class StalledError extends Error {
  override readonly name = 'StalledError'
}

/** Says what there is and what to do. */
export function stalled(stall: Stall): StalledError {
  const { what, running, backlog, untilNext, now, giveUpAfter, replay } = stall
  const runs = running.map(
    ({ task, id, since, suspended }) =>
      `task '${task}' (${id}) has been running for ${Math.round(now - since)} ms of the clock` +
      (suspended > 0 ? ' and waits for what it sent' : ''),
  )
  const facts = [
    ...runs,
    ...(backlog.queued > 0 ? [`${count(backlog.queued)} queued`] : []),
    ...(backlog.scheduled > 0 ? [`${count(backlog.scheduled)} scheduled for later`] : []),
    ...(backlog.running > running.length ? ['a lease has not ended yet'] : []),
    untilNext === Infinity
      ? 'the clock has no timer'
      : `the clock's next timer is in ${Math.round(untilNext)} ms`,
  ]
  const advice =
    running.length > 0
      ? `If it waits for the clock, move it while it runs: app.clock.advance(…) or app.drain(). If it does real work, raise giveUpAfter (${giveUpAfter} ms).`
      : `Move the clock: app.clock.advance(…) or app.drain().`
  return new StalledError(
    `${what} waits, and nothing moves: ${facts.join('; ')}. ${advice}${replay}`,
  )
}

function count(messages: number): string {
  return messages === 1 ? '1 message is' : `${messages} messages are`
}
