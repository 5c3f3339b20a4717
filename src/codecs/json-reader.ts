/**
 * Reads JSON that comes from anybody.
 *
 * Size, depth and keys are bounded before anything is parsed. Then most texts go straight to
 * `JSON.parse`. Only a text that may hold what that gets wrong is read again by the exact reader:
 * whole numbers beyond 2^53 (they lose digits), exponents beyond 1e308 (they become Infinity), and
 * the key `__proto__`, also where it is written with escapes.
 */
import { isUint8Array } from 'node:util/types'
import { forbiddenKeys } from '../core/data.ts'
import { MalformedMessageError } from '../core/errors.ts'
import type { Body } from '../core/message.ts'
import type { DataLimits } from './data-limits.ts'
import { exceedsBytes, isFewDigits, mostDigits } from './data-limits.ts'

// The mark is kept, so that it can be refused as it is in a text.
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Sixteen digits that are not the middle of a word, as hex ids are. */
const manyDigits = /[^"0-9a-zA-Z.]\d{16}/
/** An exponent of three digits at the end of a value. Hex ids hold such things, but end in a quote. */
const hugeExponent = /[\d.][eE]\+?\d{3,}[\s,\]}]/
/** An escaped character of `__proto__`. */
const escapedProto = /\\u00(?:5[fF]|6[fF]|7[024])/

/**
 * The text of a body.
 *
 * @throws MalformedMessageError when it is too large, not UTF-8, or starts with a byte order mark.
 */
export function textOf(body: Body, limits: DataLimits): string {
  let text: string
  if (typeof body === 'string') {
    if (exceedsBytes(body, limits.maxBytes)) throw tooLarge(limits)
    text = body
  } else if (isUint8Array(body)) {
    if (body.byteLength > limits.maxBytes) throw tooLarge(limits)
    try {
      text = utf8.decode(body)
    } catch (cause) {
      throw new MalformedMessageError('the bytes are not UTF-8.', { cause })
    }
  } else {
    throw new MalformedMessageError('the body is neither text nor bytes.')
  }
  if (text.charCodeAt(0) === 0xfeff) {
    throw new MalformedMessageError('the text starts with a byte order mark, which JSON forbids.')
  }
  return text
}

function tooLarge(limits: DataLimits): MalformedMessageError {
  return new MalformedMessageError(`it is larger than the limit of ${limits.maxBytes} bytes.`)
}

/**
 * The value of a JSON text. Whole numbers beyond ±(2^53 - 1) arrive as bigints.
 *
 * @throws MalformedMessageError when it is not JSON, or nested too deep, or has too many keys, or
 * holds a forbidden key or a number beyond all bounds.
 */
export function parseJson(text: string, limits: DataLimits): unknown {
  const beyond = beyondLimits(text, limits)
  if (beyond === 'depth') {
    throw new MalformedMessageError(`it is nested deeper than ${limits.maxDepth} levels.`)
  }
  if (beyond === 'keys') {
    throw new MalformedMessageError(`it has more than ${limits.maxKeys} keys.`)
  }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new MalformedMessageError(
      text === ''
        ? 'it is empty.'
        : `it is not JSON: ${cause instanceof Error ? cause.message : ''}`,
      { cause },
    )
  }
  const special =
    text.includes('__proto__') ||
    (hasRunOfDigits(text) && manyDigits.test(text)) ||
    hugeExponent.test(text) ||
    (text.includes('\\u00') && escapedProto.test(text))
  return special ? readExactly(text) : value
}

/**
 * Which limit a JSON text is beyond, found without parsing it. Both directions ask here, so that
 * whatever was written can be read.
 */
export function beyondLimits(text: string, limits: DataLimits): 'depth' | 'keys' | undefined {
  // Nearly every text ends here. The shortest member is `"":0,`.
  if (text.length <= limits.maxKeys * 5 && !opensMoreThan(limits.maxDepth, text)) return undefined
  let depth = 0
  let keys = 0
  // Bytes are read faster than the units of a text; what matters here is ASCII in both.
  const bytes = Buffer.from(text)
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] ?? 0
    if (byte < 0x5b) {
      if (byte === 0x3a) {
        if (++keys > limits.maxKeys) return 'keys'
      } else if (byte === 0x22) {
        // A string without an end is not JSON: the parser will say so.
        for (i++; i < bytes.length && bytes[i] !== 0x22; i++) if (bytes[i] === 0x5c) i++
      }
    } else if ((byte | 0x20) === 0x7b) {
      // [ and {, which differ in one bit
      if (++depth > limits.maxDepth) return 'depth'
    } else if ((byte | 0x20) === 0x7d) {
      depth--
    }
  }
  return undefined
}

/**
 * Whether there are sixteen digits in a row. Looks at each sixteenth character first, and only where that is a digit
 * at its neighbours: a third of the time of an expression.
 */
function hasRunOfDigits(text: string): boolean {
  for (let i = 15; i < text.length;) {
    let from = i
    while (from > i - 16 && isDigit(text.charCodeAt(from))) from--
    if (from === i - 16) return true
    // What is no digit ends every run over it: the next one begins behind it.
    i = from + 16
  }
  return false
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39
}

/** Whether there are more opening brackets than that, in strings or not: an upper bound of the depth. */
function opensMoreThan(limit: number, text: string): boolean {
  let count = 0
  for (let i = text.indexOf('['); i !== -1; i = text.indexOf('[', i + 1)) {
    if (++count > limit) return true
  }
  for (let i = text.indexOf('{'); i !== -1; i = text.indexOf('{', i + 1)) {
    if (++count > limit) return true
  }
  return false
}

/** The index of the quote that ends the string that starts at `start`; -1 where none does. */
function closingQuote(text: string, start: number): number {
  for (let i = text.indexOf('"', start + 1); i !== -1; i = text.indexOf('"', i + 1)) {
    let backslashes = 0
    while (text.charCodeAt(i - 1 - backslashes) === 0x5c) backslashes++
    if (backslashes % 2 === 0) return i
  }
  return -1
}

/**
 * Reads a text that `JSON.parse` has accepted and whose depth is bounded: it need not look for
 * mistakes, and may recurse.
 */
function readExactly(text: string): unknown {
  let at = 0

  const next = (): number => {
    let code = text.charCodeAt(at)
    // White space, commas and colons are where they should be: skip them alike.
    while (code <= 0x20 || code === 0x2c || code === 0x3a) code = text.charCodeAt(++at)
    return code
  }

  const readString = (): string => {
    const end = closingQuote(text, at)
    const inner = text.slice(at + 1, end)
    const whole = inner.includes('\\') ? (JSON.parse(text.slice(at, end + 1)) as string) : inner
    at = end + 1
    return whole
  }

  const readObject = (): Record<string, unknown> => {
    const record: Record<string, unknown> = {}
    at++
    while (next() !== 0x7d) {
      const key = readString()
      if (forbiddenKeys.has(key)) {
        throw new MalformedMessageError(`it has the key ${key}, which is refused.`)
      }
      record[key] = readValue()
    }
    at++
    return record
  }

  const readArray = (): unknown[] => {
    const list: unknown[] = []
    at++
    while (next() !== 0x5d) list.push(readValue())
    at++
    return list
  }

  const readWord = (): unknown => {
    const start = at
    let code = text.charCodeAt(at)
    // To the next comma, bracket, white space or the end (NaN).
    while (code > 0x20 && code !== 0x2c && code !== 0x5d && code !== 0x7d) {
      code = text.charCodeAt(++at)
    }
    const word = text.slice(start, at)
    if (word === 'true' || word === 'false') return word === 'true'
    return word === 'null' ? null : numberOf(word)
  }

  const readValue = (): unknown => {
    switch (next()) {
      case 0x22:
        return readString()
      case 0x7b:
        return readObject()
      case 0x5b:
        return readArray()
      default:
        return readWord()
    }
  }

  return readValue()
}

function numberOf(literal: string): number | bigint {
  const value = Number(literal)
  if (!/[.eE]/.test(literal) && !Number.isSafeInteger(value)) {
    if (!isFewDigits(literal)) {
      throw new MalformedMessageError(`it has a whole number of more than ${mostDigits} digits.`)
    }
    return BigInt(literal)
  }
  if (!Number.isFinite(value)) {
    throw new MalformedMessageError(`it has a number that is too large: ${literal.slice(0, 32)}`)
  }
  return value
}
