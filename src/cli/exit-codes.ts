/** What the command line ends with. Documented in docs/reference/cli.md; scripts rely on it. */
export const exitCodes = {
  /** Done; a worker that was asked to stop and did. */
  done: 0,
  /** It could not be done: a module that does not load, a store that cannot be opened, children that die at every start. */
  failed: 1,
  /** The command line itself is wrong: an unknown flag, a value that cannot be read, a missing confirmation. */
  usage: 2,
  /** The task ended, but not well: failed, cancelled or dead. */
  taskFailed: 3,
  /** There is no result: none came in time, or nothing of that id is kept. */
  noResult: 4,
  /** A third signal: stopped at once. */
  interrupted: 130,
} as const

/** One of {@link exitCodes}. */
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes]
