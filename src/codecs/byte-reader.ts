import { MalformedMessageError } from '../core/errors.ts'

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Reads bytes from anybody, from front to back. Whatever would go beyond their end is refused, before
 * memory is taken for it. Numbers are big-endian unless their name says `LE`.
 */
export class ByteReader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  /** How many bytes there are still. */
  get left(): number {
    return this.#bytes.length - this.#at
  }

  byte(): number {
    return this.#bytes[this.#advance(1)] ?? 0
  }

  int8(): number {
    return this.#bytes.readInt8(this.#advance(1))
  }

  uint16(): number {
    return this.#bytes.readUInt16BE(this.#advance(2))
  }

  int16(): number {
    return this.#bytes.readInt16BE(this.#advance(2))
  }

  uint16LE(): number {
    return this.#bytes.readUInt16LE(this.#advance(2))
  }

  uint32(): number {
    return this.#bytes.readUInt32BE(this.#advance(4))
  }

  int32(): number {
    return this.#bytes.readInt32BE(this.#advance(4))
  }

  uint32LE(): number {
    return this.#bytes.readUInt32LE(this.#advance(4))
  }

  int32LE(): number {
    return this.#bytes.readInt32LE(this.#advance(4))
  }

  uint64(): bigint {
    return this.#bytes.readBigUInt64BE(this.#advance(8))
  }

  int64(): bigint {
    return this.#bytes.readBigInt64BE(this.#advance(8))
  }

  uint64LE(): bigint {
    return this.#bytes.readBigUInt64LE(this.#advance(8))
  }

  float(): number {
    return this.#bytes.readFloatBE(this.#advance(4))
  }

  double(): number {
    return this.#bytes.readDoubleBE(this.#advance(8))
  }

  /** The next bytes, not copied. */
  take(count: number): Buffer {
    const from = this.#advance(count)
    return this.#bytes.subarray(from, from + count)
  }

  /** The bytes up to the next line feed, which is skipped. */
  line(): Buffer {
    const end = this.#bytes.indexOf(0x0a, this.#at)
    if (end < 0) throw tooShort()
    const line = this.#bytes.subarray(this.#at, end)
    this.#at = end + 1
    return line
  }

  /** @throws MalformedMessageError when there is more. */
  end(): void {
    if (this.left > 0) throw new MalformedMessageError(`${this.left} bytes follow its end.`)
  }

  #advance(count: number): number {
    const from = this.#at
    if (count > this.#bytes.length - from) throw tooShort()
    this.#at = from + count
    return from
  }
}

function tooShort(): MalformedMessageError {
  return new MalformedMessageError('it ends too early.')
}

/** @throws MalformedMessageError when it is not UTF-8. */
export function textOfBytes(bytes: Buffer): string {
  // Faster than the decoder, but lenient: what it replaced is looked at once more.
  const text = bytes.toString('utf8')
  if (!text.includes('\ufffd')) return text
  try {
    return utf8.decode(bytes)
  } catch (cause) {
    throw new MalformedMessageError('a text in it is not UTF-8.', { cause })
  }
}
