/**
 * Bodies as Redis keeps them: bytes, without saying whether they are a text. What is UTF-8 is a text;
 * bytes that would pass for one, and those that begin with the mark, get the mark 0xFF in front, which
 * UTF-8 never has. What Python's serializers write is told right by itself: JSON is a text, pickles and
 * MessagePack maps are no UTF-8.
 */
import type { Body } from '../core/message.ts'

const mark = 0xff
/** What a decoder puts where bytes are no UTF-8. */
const replaced = '\ufffd'
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** What is sent to Redis. */
export function toWire(body: Body): string | Buffer {
  if (typeof body === 'string') return body
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
  if (bytes[0] !== mark && textOf(bytes) === undefined) return bytes
  return Buffer.concat([Buffer.of(mark), bytes])
}

/** What was meant by bytes from Redis. */
export function fromWire(bytes: Uint8Array): Body {
  if (bytes[0] === mark) return Uint8Array.from(bytes.subarray(1))
  return textOf(bytes) ?? Uint8Array.from(bytes)
}

/** Whether a text that was decoded leniently may have been something else: it is read again, as bytes. */
export function isDoubtful(text: string): boolean {
  return text.includes(replaced)
}

function textOf(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes)
  } catch {
    return undefined
  }
}
