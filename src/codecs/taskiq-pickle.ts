/**
 * Python's pickles, as far as they hold plain data: what taskiq's `PickleSerializer` (the default of
 * taskiq-redis for results) writes, since it pickles the members of a result and not the result itself.
 * All protocols are read; protocol 4 is written, which every Python since 3.4 reads.
 */
import type { Codec } from '../core/codec.ts'
import { binaryCodec, type BinaryFormat } from './binary-codec.ts'
import type { ByteWriter } from './byte-writer.ts'
import type { LimitOptions } from './data-limits.ts'
import type { DataSink } from './data-writing.ts'
import { littleEndianOf } from './integer-bytes.ts'
import { op } from './pickle-opcodes.ts'
import { readPickle } from './pickle-reader.ts'
import { surrogateBytes } from './pickle-text.ts'

/** Pickles, as TaskIQ's serializer of that name writes and reads values. */
export const pickleFormat: BinaryFormat = {
  name: 'taskiq-pickle',
  anyInteger: true,
  anyText: true,
  sink(bytes) {
    bytes.byte(op.PROTO)
    bytes.byte(4)
    return new PickleSink(bytes)
  },
  finish: (bytes) => bytes.byte(op.STOP),
  read: readPickle,
}

/**
 * Python's pickles for results that Python reads with its default settings: taskiq-redis pickles results
 * unless it is given another serializer. Only the opcodes of plain data are run, of all protocols (0 to 5);
 * any other is refused by its name, whoever wrote it. Protocol 4 is written.
 *
 * @example
 * ```ts
 * const broker = createBroker({ transport: 'redis://127.0.0.1:6379', resultCodec: taskiqPickle() })
 * ```
 * @throws InvalidInputError when a limit is not a positive whole number.
 */
export function taskiqPickle(options?: LimitOptions): Codec {
  return binaryCodec(pickleFormat, options)
}

class PickleSink implements DataSink {
  readonly #bytes: ByteWriter

  constructor(bytes: ByteWriter) {
    this.#bytes = bytes
  }

  nothing(): void {
    this.#bytes.byte(op.NONE)
  }

  truth(value: boolean): void {
    this.#bytes.byte(value ? op.NEWTRUE : op.NEWFALSE)
  }

  whole(value: number | bigint): void {
    const bytes = this.#bytes
    if (typeof value === 'number' && value >= 0 && value <= 0xff) {
      bytes.byte(op.BININT1)
      bytes.byte(value)
    } else if (typeof value === 'number' && value >= 0 && value <= 0xffff) {
      bytes.byte(op.BININT2)
      bytes.uint16LE(value)
    } else if (typeof value === 'number' && value >= -0x8000_0000 && value <= 0x7fff_ffff) {
      bytes.byte(op.BININT)
      bytes.uint32LE(value >>> 0)
    } else this.#long(littleEndianOf(BigInt(value)))
  }

  float(value: number): void {
    this.#bytes.byte(op.BINFLOAT)
    this.#bytes.double(value)
  }

  text(value: string): void {
    const encoded = surrogateBytes(value)
    if (encoded.byteLength <= 0xff) {
      this.#bytes.byte(op.SHORT_BINUNICODE)
      this.#bytes.byte(encoded.byteLength)
    } else {
      this.#bytes.byte(op.BINUNICODE)
      this.#bytes.uint32LE(encoded.byteLength)
    }
    this.#bytes.bytes(encoded)
  }

  list(size: number): void {
    this.#bytes.byte(op.EMPTY_LIST)
    if (size > 0) this.#bytes.byte(op.MARK)
  }

  listEnd(size: number): void {
    if (size > 0) this.#bytes.byte(op.APPENDS)
  }

  map(size: number): void {
    this.#bytes.byte(op.EMPTY_DICT)
    if (size > 0) this.#bytes.byte(op.MARK)
  }

  mapEnd(size: number): void {
    if (size > 0) this.#bytes.byte(op.SETITEMS)
  }

  #long(digits: Buffer): void {
    if (digits.byteLength <= 0xff) {
      this.#bytes.byte(op.LONG1)
      this.#bytes.byte(digits.byteLength)
    } else {
      this.#bytes.byte(op.LONG4)
      this.#bytes.uint32LE(digits.byteLength)
    }
    this.#bytes.bytes(digits)
  }
}
