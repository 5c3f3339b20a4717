/** Facts that go with a log line. */
export type LogFields = Readonly<Record<string, unknown>>

/** The levels, least severe first. */
export const logLevels = ['debug', 'info', 'warn', 'error'] as const
/** One of {@link logLevels}. */
export type LogLevel = (typeof logLevels)[number]

/** Where log lines go. A pino logger satisfies it through `pinoLogger`; the default drops everything below `warn`. */
export interface Logger {
  debug(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
  /** A logger that adds these fields to every line. */
  child(fields: LogFields): Logger
}

/** A logger that hands every line to one function. */
export function logTo(
  write: (level: LogLevel, message: string, fields: LogFields) => void,
  fields: LogFields = {},
): Logger {
  const at =
    (level: LogLevel) =>
    (message: string, more?: LogFields): void =>
      write(level, message, more === undefined ? fields : { ...fields, ...more })
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (more) => logTo(write, { ...fields, ...more }),
  }
}

/** Drops every line. */
export const silentLogger: Logger = logTo(() => {})
