import { systemClock } from '../core/clock.ts'
import { logLevels, logTo, type LogFields, type Logger, type LogLevel } from '../core/logger.ts'
import { pad } from './table.ts'
import { safeLines, safeText } from './safe-text.ts'
import type { Colours } from './terminal.ts'

/** How log lines look: for people, or one JSON object a line. */
export type LogFormat = 'pretty' | 'json'

/** What a log output is made of. */
export interface LogOutputOptions {
  /** Lines below it are dropped. */
  readonly level: LogLevel
  readonly format: LogFormat
  /** Fields of every line: `worker`, `pid`. */
  readonly fields: LogFields
  /** For pretty lines. */
  readonly colours: Colours
  /** Writes text to stderr. JSON goes there too, by pino, whose writes are done when they return. */
  readonly write: (text: string) => void
}

/** A logger that writes to stderr: stdout belongs to the user's tasks. */
export async function openLog(options: LogOutputOptions): Promise<Logger> {
  return options.format === 'json' ? jsonLogger(options) : prettyLogger(options)
}

/** Lines for people: time, level, worker, message, fields; an error's stack below. */
export function prettyLogger({ level, fields, colours, write }: LogOutputOptions): Logger {
  const paint: Readonly<Record<LogLevel, (text: string) => string>> = {
    debug: colours.gray,
    info: colours.green,
    warn: colours.yellow,
    error: colours.red,
  }
  return above(level, fields, (at, message, { worker, error, ...rest }) => {
    const who = worker === undefined ? '' : `${colours.cyan(`worker ${textOf(worker)}`)}  `
    // The pid is for machines: people see which worker it is.
    const shown = Object.entries(rest).filter(([name]) => name !== 'pid')
    const more = shown.map(
      ([name, value]) => `  ${colours.dim(`${safeText(name)}=`)}${safeText(textOf(value))}`,
    )
    const head = `${colours.dim(timeOf(systemClock.now()))} ${paint[at](pad(at, 5))} ${who}`
    // A message of several lines is ours (a drain's list): its further lines keep their own indent.
    write(
      `${head}${safeLines(message)}${more.join('')}${error === undefined ? '' : causeOf(error)}\n`,
    )
  })
}

async function jsonLogger({ level, fields }: LogOutputOptions): Promise<Logger> {
  const { pino } = await import('pino')
  // A sync destination: the last line before a crash is the one that is needed.
  const destination = pino.destination({ fd: 2, sync: true })
  destination.on('error', () => {})
  const out = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { error: pino.stdSerializers.err },
    },
    destination,
  )
  return above(level, fields, (at, message, more) => out[at](more, message))
}

function above(
  level: LogLevel,
  fields: LogFields,
  write: (level: LogLevel, message: string, fields: LogFields) => void,
): Logger {
  const least = logLevels.indexOf(level)
  return logTo((at, message, more) => {
    if (logLevels.indexOf(at) >= least) write(at, message, more)
  }, fields)
}

function timeOf(now: number): string {
  const date = new Date(now)
  const two = (value: number): string => String(value).padStart(2, '0')
  const time = [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':')
  return `${time}.${String(date.getMilliseconds()).padStart(3, '0')}`
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value
  try {
    return JSON.stringify(value) ?? String(value)
  } catch {
    return String(value)
  }
}

/** The stack of an error with those of its causes, indented. */
function causeOf(error: unknown): string {
  if (!(error instanceof Error)) return `\n    ${safeText(textOf(error))}`
  const lines = safeLines(error.stack ?? `${error.name}: ${error.message}`).split('\n')
  const own = lines.map((line) => `\n    ${line}`).join('')
  return error.cause === undefined ? own : `${own}\n    caused by:${causeOf(error.cause)}`
}
