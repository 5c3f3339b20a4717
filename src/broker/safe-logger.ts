import type { Logger, LogFields } from '../core/logger.ts'

/**
 * The user's logger, of which no fault reaches the work that it writes about: a line that cannot be
 * written is dropped.
 */
export function safeLogger(inner: Logger): Logger {
  const at =
    (level: 'debug' | 'info' | 'warn' | 'error') =>
    (message: string, fields?: LogFields): void => {
      try {
        if (fields === undefined) inner[level](message)
        else inner[level](message, fields)
      } catch {
        // There is no better place to say it.
      }
    }
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child(fields) {
      try {
        return safeLogger(inner.child(fields))
      } catch {
        return this
      }
    },
  }
}
