import { InvalidArgumentError } from 'commander'
import { duration, milliseconds } from '../core/duration.ts'
import type { LabelValue } from '../core/labels.ts'
import type { LogLevel } from '../core/logger.ts'

/*
 * Readers of flag values. Each throws commander's InvalidArgumentError, which commander shows beside
 * the flag's name and ends with a usage error.
 */

/** A whole number of at least `least`. */
export function wholeNumber(least: number): (text: string) => number {
  return (text) => {
    const value = /^\d+$/.test(text.trim()) ? Number(text) : Number.NaN
    if (Number.isSafeInteger(value) && value >= least) return value
    throw new InvalidArgumentError(`Give a whole number of ${least} or more.`)
  }
}

/** Milliseconds of `30s`, `5m`, `250ms`; a bare number is refused, because nobody knows its unit. */
export function time(text: string): number {
  try {
    return milliseconds(duration(text.trim()))
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message)
  }
}

/** What `read` reads, or `off`. */
export function orOff<T>(read: (text: string) => T): (text: string) => T | 'off' {
  return (text) => (text.trim() === 'off' ? 'off' : read(text))
}

/** `10/1m`: how many in which time. */
export function rate(text: string): { limit: number; per: number } {
  const [count, per, ...rest] = text.split('/')
  if (count === undefined || per === undefined || rest.length > 0)
    throw new InvalidArgumentError("Write it as how many in which time, for instance '10/1m'.")
  return { limit: wholeNumber(1)(count), per: time(per) }
}

const units: Readonly<Record<string, number>> = { k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 }

/** Bytes of `512mb`, `1.5g`, `300000k`. */
export function memorySize(text: string): number {
  const [, number, unit = ''] = /^(\d+(?:\.\d+)?)\s*([kmg])(?:i?b)?$/i.exec(text.trim()) ?? []
  const bytes = Math.round(Number(number) * (units[unit.toLowerCase()] ?? Number.NaN))
  if (Number.isSafeInteger(bytes) && bytes > 0) return bytes
  throw new InvalidArgumentError("Write it with its unit, for instance '512mb' or '2gb'.")
}

/** Names between commas; `a, b` and `a,b` are the same. */
export function nameList(text: string): readonly string[] {
  const names = text.split(',').map((name) => name.trim())
  if (names.every((name) => name !== '')) return names
  throw new InvalidArgumentError(
    "Give names with commas between them, for instance 'default,webhooks'.",
  )
}

/** Names as above, or with weights: `critical=6,default=3,low=1`; one without has 1. */
export function queueList(text: string): readonly string[] | Readonly<Record<string, number>> {
  const names = nameList(text)
  if (!text.includes('=')) return names
  return Object.fromEntries(
    names.map((name) => {
      const [queue = '', weight = '1'] = name.split('=', 2)
      if (queue.trim() !== '' && /^[1-9]\d{0,3}$/.test(weight.trim()))
        return [queue.trim(), Number(weight)]
      throw new InvalidArgumentError(
        "Give weights as whole numbers, for instance 'critical=6,default=3,low=1'.",
      )
    }),
  )
}

const levelNames: Readonly<Record<string, LogLevel>> = {
  debug: 'debug',
  info: 'info',
  warn: 'warn',
  warning: 'warn',
  error: 'error',
}

/** A log level in any case. */
export function logLevel(text: string): LogLevel {
  const level = levelNames[text.trim().toLowerCase()]
  if (level !== undefined) return level
  throw new InvalidArgumentError('Known levels: debug, info, warn, error.')
}

/** One of a few words, in any case. */
export function oneOf<const W extends string>(...words: readonly W[]): (text: string) => W {
  return (text) => {
    const word = words.find((known) => known === text.trim().toLowerCase())
    if (word !== undefined) return word
    throw new InvalidArgumentError(`Give one of: ${words.join(', ')}.`)
  }
}

/** JSON of the given shape. */
export function json(shape: 'array' | 'object'): (text: string) => unknown {
  const example = shape === 'array' ? `'["a", 1]'` : `'{"name": "a"}'`
  return (text) => {
    let value: unknown
    try {
      value = JSON.parse(text)
    } catch (error) {
      throw new InvalidArgumentError(
        `This is not JSON (${(error as Error).message}). Write for instance ${example}.`,
      )
    }
    const fits = shape === 'array' ? Array.isArray(value) : isObject(value)
    if (fits) return value
    throw new InvalidArgumentError(`Give a JSON ${shape}, for instance ${example}.`)
  }
}

/** Adds one `name=value` to those before it; `true`, `false` and numbers are what they look like. */
export function label(
  text: string,
  before: Readonly<Record<string, LabelValue>> = {},
): Readonly<Record<string, LabelValue>> {
  const at = text.indexOf('=')
  if (at <= 0)
    throw new InvalidArgumentError("Write a label as name=value, for instance 'tenant=acme'.")
  return { ...before, [text.slice(0, at)]: labelValue(text.slice(at + 1)) }
}

function labelValue(text: string): LabelValue {
  if (text === 'true' || text === 'false') return text === 'true'
  const number = /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN
  // A number that does not read back as it was written (an id with leading zeros, 20 digits) is a text.
  return String(number) === text ? number : text
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
