/**
 * CBOR (RFC 8949), as far as it holds plain data: what Python's `cbor2.dumps(value,
 * string_referencing=True)` writes for values that JSON has a word for. That includes references to
 * texts (tags 256 and 25, http://cbor.schmorp.de/stringref) and integers of any size (tags 2 and 3);
 * every other tag, bytes and indefinite lengths are refused by name. We write texts in full.
 */
import type { Codec } from '../core/codec.ts'
import { MalformedMessageError } from '../core/errors.ts'
import { binaryCodec, leafRefusal, type BinaryFormat } from './binary-codec.ts'
import { textOfBytes, type ByteReader } from './byte-reader.ts'
import type { ByteWriter } from './byte-writer.ts'
import type { DataLimits, LimitOptions } from './data-limits.ts'
import { DataReading, finiteNumber, wholeNumber } from './data-reading.ts'
import type { DataSink } from './data-writing.ts'
import { bigEndianOf, fromBigEndian } from './integer-bytes.ts'

/** CBOR, as TaskIQ's serializer of that name writes and reads values. */
export const cborFormat: BinaryFormat = {
  name: 'taskiq-cbor',
  anyInteger: true,
  anyText: false,
  refusal: leafRefusal('CBOR', false),
  sink: (bytes) => new CborSink(bytes),
  read(bytes, limits) {
    const value = new CborReading(bytes, limits).value()
    bytes.end()
    return value
  },
}

const kind = { unsigned: 0, negative: 1, bytes: 2, text: 3, list: 4, map: 5, tag: 6, other: 7 }
const tag = { positiveBig: 2, negativeBig: 3, stringRef: 25, stringSpace: 256 }

/**
 * TaskIQ's messages and results in CBOR (Python: `CBORSerializer`). It has no word for half of a surrogate
 * pair: sending that is refused.
 *
 * @throws InvalidInputError when a limit is not a positive whole number.
 */
export function taskiqCbor(options?: LimitOptions): Codec {
  return binaryCodec(cborFormat, options)
}

class CborSink implements DataSink {
  readonly #bytes: ByteWriter

  constructor(bytes: ByteWriter) {
    this.#bytes = bytes
  }

  nothing(): void {
    this.#bytes.byte(0xf6)
  }

  truth(value: boolean): void {
    this.#bytes.byte(value ? 0xf5 : 0xf4)
  }

  whole(value: number | bigint): void {
    if (typeof value === 'number') {
      return value < 0 ? this.#head(kind.negative, -1 - value) : this.#head(kind.unsigned, value)
    }
    const size = value < 0n ? -1n - value : value
    if (size < 2n ** 64n) {
      this.#bytes.byte(((value < 0n ? kind.negative : kind.unsigned) << 5) | 27)
      return this.#bytes.int64(size)
    }
    const digits = bigEndianOf(size)
    this.#head(kind.tag, value < 0n ? tag.negativeBig : tag.positiveBig)
    this.#head(kind.bytes, digits.byteLength)
    this.#bytes.bytes(digits)
  }

  float(value: number): void {
    this.#bytes.byte(0xfb)
    this.#bytes.double(value)
  }

  text(value: string): void {
    const encoded = Buffer.from(value, 'utf8')
    this.#head(kind.text, encoded.length)
    this.#bytes.bytes(encoded)
  }

  list(size: number): void {
    this.#head(kind.list, size)
  }

  map(size: number): void {
    this.#head(kind.map, size)
  }

  listEnd(): void {}

  mapEnd(): void {}

  #head(type: number, size: number): void {
    const bytes = this.#bytes
    const first = type << 5
    if (size < 24) bytes.byte(first | size)
    else if (size <= 0xff) {
      bytes.byte(first | 24)
      bytes.byte(size)
    } else if (size <= 0xffff) {
      bytes.byte(first | 25)
      bytes.uint16(size)
    } else if (size <= 0xffff_ffff) {
      bytes.byte(first | 26)
      bytes.uint32(size)
    } else {
      bytes.byte(first | 27)
      bytes.int64(BigInt(size))
    }
  }
}

/** The fewest bytes of a string that is counted as the nth of its space: shorter ones are not worth it. */
function leastOf(index: number): number {
  if (index < 24) return 3
  if (index < 256) return 4
  if (index < 65_536) return 5
  return index < 4_294_967_296 ? 7 : 11
}

class CborReading {
  readonly #bytes: ByteReader
  readonly #reading: DataReading
  /** Strings that may be referred to, in the innermost space; `undefined` outside of any. */
  #strings: (string | Buffer)[] | undefined

  constructor(bytes: ByteReader, limits: DataLimits) {
    this.#bytes = bytes
    this.#reading = new DataReading(limits)
  }

  value(): unknown {
    const first = this.#bytes.byte()
    const type = first >> 5
    if (type === kind.other) return this.#other(first & 0x1f)
    const size = this.#size(first & 0x1f)
    if (type === kind.unsigned) return typeof size === 'bigint' ? wholeNumber(size) : size
    if (type === kind.negative) return wholeNumber(-1n - BigInt(size))
    if (type === kind.tag) return this.#tagged(Number(size))
    // Whatever is that long is not there: reading it ends at the end of the bytes.
    const count = Number(size)
    switch (type) {
      case kind.text:
        return this.#text(count)
      case kind.list:
        return this.#list(count)
      case kind.map:
        return this.#map(count)
      default:
        throw new MalformedMessageError('it has bytes, which are no data of JSON.')
    }
  }

  #size(info: number): number | bigint {
    if (info < 24) return info
    switch (info) {
      case 24:
        return this.#bytes.byte()
      case 25:
        return this.#bytes.uint16()
      case 26:
        return this.#bytes.uint32()
      case 27:
        return this.#bytes.uint64()
      case 31:
        throw new MalformedMessageError('it has an indefinite length, which is refused.')
      default:
        throw new MalformedMessageError(`it has the size ${info}, which means nothing.`)
    }
  }

  #other(info: number): unknown {
    switch (info) {
      case 20:
      case 21:
        return info === 21
      case 22:
      case 23:
        return null
      case 25:
        return finiteNumber(halfFloat(this.#bytes.uint16()))
      case 26:
        return finiteNumber(this.#bytes.float())
      case 27:
        return finiteNumber(this.#bytes.double())
      default:
        throw new MalformedMessageError(`it has the simple value ${info}, which is refused.`)
    }
  }

  #text(length: number): string {
    const text = textOfBytes(this.#bytes.take(length))
    this.#remember(text, length)
    return text
  }

  #remember(string: string | Buffer, length: number): void {
    const strings = this.#strings
    if (strings !== undefined && length >= leastOf(strings.length)) strings.push(string)
  }

  #list(size: number): unknown[] {
    return this.#reading.list(size, () => this.value())
  }

  #map(size: number): Record<string, unknown> {
    return this.#reading.map(size, () => this.value())
  }

  #tagged(number: number): unknown {
    switch (number) {
      case tag.positiveBig:
        return wholeNumber(fromBigEndian(this.#bigBytes()))
      case tag.negativeBig:
        return wholeNumber(-1n - fromBigEndian(this.#bigBytes()))
      case tag.stringRef: {
        const string = this.#referred()
        if (typeof string === 'string') return string
        throw new MalformedMessageError('it refers to bytes, which are no data of JSON.')
      }
      case tag.stringSpace: {
        // Spaces nest by recursion, as lists do.
        this.#reading.enter()
        const outer = this.#strings
        this.#strings = []
        const value = this.value()
        this.#strings = outer
        this.#reading.leave()
        return value
      }
      default:
        throw new MalformedMessageError(`it has the tag ${number}, which is refused.`)
    }
  }

  /** What a reference within this space means. */
  #referred(): string | Buffer {
    const first = this.#bytes.byte()
    const index = first >> 5 === kind.unsigned ? Number(this.#size(first & 0x1f)) : -1
    const string = this.#strings?.[index]
    if (string !== undefined) return string
    throw new MalformedMessageError('it refers to a text that is not there.')
  }

  #bigBytes(): Buffer {
    const first = this.#bytes.byte()
    if (first === 0xd8 && this.#bytes.byte() === tag.stringRef) {
      const string = this.#referred()
      if (typeof string !== 'string') return string
    } else if (first >> 5 === kind.bytes) {
      const length = Number(this.#size(first & 0x1f))
      const bytes = this.#bytes.take(length)
      this.#remember(bytes, length)
      return bytes
    }
    throw new MalformedMessageError('it has a large integer that is not made of bytes.')
  }
}

/** A float of 16 bits (RFC 8949, appendix D). */
function halfFloat(bits: number): number {
  const exponent = (bits >> 10) & 0x1f
  const mantissa = bits & 0x3ff
  const sign = bits & 0x8000 ? -1 : 1
  if (exponent === 0) return sign * mantissa * 2 ** -24
  if (exponent === 31) return mantissa === 0 ? sign * Infinity : NaN
  return sign * (mantissa + 1024) * 2 ** (exponent - 25)
}
