import { createInterface } from 'node:readline/promises'
import colours from 'picocolors'

/** The colours of picocolors, or none. */
export type Colours = ReturnType<typeof colours.createColors>

/** What a command reads and writes; tests hand in their own. */
export interface Terminal {
  /** Prints lines for people or machines on stdout. */
  out(text: string): void
  /** Prints what goes beside the output on stderr. */
  err(text: string): void
  /** Colours for stdout and stderr: none unless it is a terminal. */
  readonly outColours: Colours
  readonly errColours: Colours
  /** Asks a question; `undefined` when nobody is there to answer it. */
  ask(question: string): Promise<string | undefined>
}

/**
 * Whether a stream gets colour: FORCE_COLOR and NO_COLOR decide where they are set (no-color.org), else
 * whether it is a terminal that has any.
 */
export function hasColour(
  stream: { readonly isTTY?: boolean | undefined },
  env: Readonly<Record<string, string | undefined>>,
): boolean {
  if (env['NO_COLOR'] !== undefined && env['NO_COLOR'] !== '') return false
  const forced = env['FORCE_COLOR']
  if (forced !== undefined) return forced !== '0' && forced !== 'false'
  return stream.isTTY === true && env['TERM'] !== 'dumb'
}

/** The terminal of this process. */
export function processTerminal(): Terminal {
  return {
    out: (text) => void process.stdout.write(`${text}\n`),
    err: (text) => void process.stderr.write(`${text}\n`),
    outColours: colours.createColors(hasColour(process.stdout, process.env)),
    errColours: colours.createColors(hasColour(process.stderr, process.env)),
    async ask(question) {
      if (!process.stdin.isTTY || !process.stderr.isTTY) return undefined
      const lines = createInterface({ input: process.stdin, output: process.stderr })
      try {
        return await lines.question(question)
      } finally {
        lines.close()
      }
    },
  }
}

/**
 * Ends quietly when whoever reads the output goes away (`taskwright queues … | head -1`): nothing is
 * wrong, and nobody is left to tell.
 */
export function endOnBrokenPipe(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (isBrokenPipe(error)) process.exit(0)
      throw error
    })
  }
}

/** A worker goes on when nobody reads its lines any more: its tasks matter more. */
export function ignoreBrokenPipe(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.removeAllListeners('error')
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (!isBrokenPipe(error)) throw error
    })
  }
}

function isBrokenPipe(error: NodeJS.ErrnoException): boolean {
  // EIO: the terminal itself is gone.
  return error.code === 'EPIPE' || error.code === 'EIO' || error.code === 'ERR_STREAM_DESTROYED'
}
