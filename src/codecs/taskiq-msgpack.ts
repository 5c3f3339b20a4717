/**
 * MessagePack (https://github.com/msgpack/msgpack/blob/master/spec.md), as far as it holds plain data:
 * what Python's `msgpack.packb(value, use_bin_type=True)` writes for values that JSON has a word for.
 * Bytes and extension types are refused by name.
 */
import type { Codec } from '../core/codec.ts'
import { MalformedMessageError } from '../core/errors.ts'
import { binaryCodec, leafRefusal, type BinaryFormat } from './binary-codec.ts'
import { textOfBytes, type ByteReader } from './byte-reader.ts'
import type { ByteWriter } from './byte-writer.ts'
import type { DataLimits, LimitOptions } from './data-limits.ts'
import { DataReading, finiteNumber, wholeNumber } from './data-reading.ts'
import type { DataSink } from './data-writing.ts'

/** MessagePack, as TaskIQ's serializer of that name writes and reads values. */
export const msgpackFormat: BinaryFormat = {
  name: 'taskiq-msgpack',
  anyInteger: false,
  anyText: false,
  refusal: leafRefusal('MessagePack', true),
  sink: (bytes) => new MsgpackSink(bytes),
  read(bytes, limits) {
    const value = new MsgpackReading(bytes, limits).value()
    bytes.end()
    return value
  },
}

/**
 * TaskIQ's messages and results in MessagePack (Python: `MSGPackSerializer`). It has no word for whole
 * numbers beyond 64 bits and for half of a surrogate pair: sending those is refused.
 *
 * @throws InvalidInputError when a limit is not a positive whole number.
 */
export function taskiqMsgpack(options?: LimitOptions): Codec {
  return binaryCodec(msgpackFormat, options)
}

class MsgpackSink implements DataSink {
  readonly #bytes: ByteWriter

  constructor(bytes: ByteWriter) {
    this.#bytes = bytes
  }

  nothing(): void {
    this.#bytes.byte(0xc0)
  }

  truth(value: boolean): void {
    this.#bytes.byte(value ? 0xc3 : 0xc2)
  }

  whole(value: number | bigint): void {
    const bytes = this.#bytes
    if (typeof value === 'bigint' || value > 0xffff_ffff || value < -0x8000_0000) {
      bytes.byte(value < 0 ? 0xd3 : 0xcf)
      return bytes.int64(BigInt(value))
    }
    if (value >= 0) return this.#unsigned(value)
    if (value >= -32) return bytes.byte(value & 0xff)
    if (value >= -0x80) {
      bytes.byte(0xd0)
      bytes.byte(value & 0xff)
    } else if (value >= -0x8000) {
      bytes.byte(0xd1)
      bytes.uint16(value & 0xffff)
    } else {
      bytes.byte(0xd2)
      bytes.uint32(value >>> 0)
    }
  }

  float(value: number): void {
    this.#bytes.byte(0xcb)
    this.#bytes.double(value)
  }

  text(value: string): void {
    const encoded = Buffer.from(value, 'utf8')
    const { length } = encoded
    if (length < 32) this.#bytes.byte(0xa0 | length)
    else if (length <= 0xff) {
      this.#bytes.byte(0xd9)
      this.#bytes.byte(length)
    } else this.#size(length, 0xda)
    this.#bytes.bytes(encoded)
  }

  list(size: number): void {
    if (size < 16) this.#bytes.byte(0x90 | size)
    else this.#size(size, 0xdc)
  }

  map(size: number): void {
    if (size < 16) this.#bytes.byte(0x80 | size)
    else this.#size(size, 0xde)
  }

  listEnd(): void {}

  mapEnd(): void {}

  #unsigned(value: number): void {
    const bytes = this.#bytes
    if (value < 0x80) return bytes.byte(value)
    if (value <= 0xff) {
      bytes.byte(0xcc)
      bytes.byte(value)
    } else if (value <= 0xffff) {
      bytes.byte(0xcd)
      bytes.uint16(value)
    } else {
      bytes.byte(0xce)
      bytes.uint32(value)
    }
  }

  /** A size of 16 bits under this type, or of 32 bits under the next one. */
  #size(size: number, type: number): void {
    if (size <= 0xffff) {
      this.#bytes.byte(type)
      this.#bytes.uint16(size)
    } else {
      this.#bytes.byte(type + 1)
      this.#bytes.uint32(size)
    }
  }
}

/** What is no data, by its first byte. */
function nameOf(type: number): string {
  if (type === 0xc1) return 'the byte 0xc1, which means nothing'
  if (type >= 0xc4 && type <= 0xc6) return 'bytes (bin), which are no data of JSON'
  return 'an extension type (ext), which is refused'
}

class MsgpackReading {
  readonly #bytes: ByteReader
  readonly #reading: DataReading

  constructor(bytes: ByteReader, limits: DataLimits) {
    this.#bytes = bytes
    this.#reading = new DataReading(limits)
  }

  value(): unknown {
    const type = this.#bytes.byte()
    if (type < 0x80) return type
    if (type < 0x90) return this.#map(type & 0x0f)
    if (type < 0xa0) return this.#list(type & 0x0f)
    if (type < 0xc0) return this.#text(type & 0x1f)
    if (type >= 0xe0) return type - 0x100
    return this.#typed(type)
  }

  #typed(type: number): unknown {
    const bytes = this.#bytes
    switch (type) {
      case 0xc0:
        return null
      case 0xc2:
      case 0xc3:
        return type === 0xc3
      case 0xca:
        return finiteNumber(bytes.float())
      case 0xcb:
        return finiteNumber(bytes.double())
      case 0xcc:
        return bytes.byte()
      case 0xcd:
        return bytes.uint16()
      case 0xce:
        return bytes.uint32()
      case 0xcf:
        return wholeNumber(bytes.uint64())
      case 0xd0:
        return bytes.int8()
      case 0xd1:
        return bytes.int16()
      case 0xd2:
        return bytes.int32()
      case 0xd3:
        return wholeNumber(bytes.int64())
      case 0xd9:
        return this.#text(bytes.byte())
      case 0xda:
        return this.#text(bytes.uint16())
      case 0xdb:
        return this.#text(bytes.uint32())
      case 0xdc:
        return this.#list(bytes.uint16())
      case 0xdd:
        return this.#list(bytes.uint32())
      case 0xde:
        return this.#map(bytes.uint16())
      case 0xdf:
        return this.#map(bytes.uint32())
      default:
        throw new MalformedMessageError(`it has ${nameOf(type)}.`)
    }
  }

  #text(length: number): string {
    return textOfBytes(this.#bytes.take(length))
  }

  #list(size: number): unknown[] {
    return this.#reading.list(size, () => this.value())
  }

  #map(size: number): Record<string, unknown> {
    return this.#reading.map(size, () => this.value())
  }
}
