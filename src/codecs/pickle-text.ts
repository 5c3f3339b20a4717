/**
 * Texts of Python: UTF-8 in which half of a surrogate pair may stand by itself (`surrogatepass`), and the
 * escapes of protocol 0 (`raw-unicode-escape`).
 */
import { MalformedMessageError } from '../core/errors.ts'
import { textOfBytes } from './byte-reader.ts'

const halfPair = /\p{Surrogate}/u
const halfPairs = /\p{Surrogate}/gu

/** The bytes of a text. */
export function surrogateBytes(text: string): Buffer {
  if (!halfPair.test(text)) return Buffer.from(text, 'utf8')
  const parts: Buffer[] = []
  let from = 0
  for (const { index } of text.matchAll(halfPairs)) {
    const unit = text.charCodeAt(index)
    parts.push(
      Buffer.from(text.slice(from, index), 'utf8'),
      Buffer.of(0xed, 0x80 | ((unit >> 6) & 0x3f), 0x80 | (unit & 0x3f)),
    )
    from = index + 1
  }
  return Buffer.concat([...parts, Buffer.from(text.slice(from), 'utf8')])
}

/** The text of these bytes. @throws MalformedMessageError when they are none. */
export function surrogateText(bytes: Buffer): string {
  let text = ''
  let from = 0
  // 0xed begins a character; one of a surrogate goes on with a byte that no other has after it.
  for (let at = bytes.indexOf(0xed); at >= 0; at = bytes.indexOf(0xed, at + 1)) {
    const [second = 0, third = 0] = bytes.subarray(at + 1, at + 3)
    if (second < 0xa0 || second > 0xbf || third >> 6 !== 2) continue
    text += textOfBytes(bytes.subarray(from, at))
    text += String.fromCharCode(0xd000 | ((second & 0x3f) << 6) | (third & 0x3f))
    from = at + 3
  }
  return text + textOfBytes(bytes.subarray(from))
}

/** The text of a line of protocol 0: Latin-1, where `\u` and `\U` begin escapes. @throws MalformedMessageError */
export function escapedText(line: Buffer): string {
  const escape = /\\(?:u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[^])/g
  return line.toString('latin1').replaceAll(escape, (found) => {
    const second = found[1]?.toLowerCase()
    if (second !== 'u') return found
    const point = found.length > 2 ? Number.parseInt(found.slice(2), 16) : Infinity
    if (point <= 0x10ffff) return String.fromCodePoint(point)
    throw new MalformedMessageError('a text in it has an escape that is none.')
  })
}
