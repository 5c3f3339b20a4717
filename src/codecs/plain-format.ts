import { MalformedMessageError } from '../core/errors.ts'
import type { BinaryFormat } from './binary-codec.ts'
import { ByteReader } from './byte-reader.ts'
import { ByteWriter } from './byte-writer.ts'
import { dataLimits } from './data-limits.ts'
import { writeData } from './data-writing.ts'
import { parseJson, textOf } from './json-reader.ts'
import { writeJson } from './json-writer.ts'
import { dataCheck } from './plain-data.ts'
import { cborFormat } from './taskiq-cbor.ts'
import { msgpackFormat } from './taskiq-msgpack.ts'
import { pickleFormat } from './taskiq-pickle.ts'

/** The serializers of TaskIQ. */
export type PlainFormatName = 'json' | 'pickle' | 'msgpack' | 'cbor'

const limits = dataLimits({})
const binary: Readonly<Record<Exclude<PlainFormatName, 'json'>, BinaryFormat>> = {
  pickle: pickleFormat,
  msgpack: msgpackFormat,
  cbor: cborFormat,
}

/** A value as one of TaskIQ's serializers writes it. @throws DataNotPlainError, PayloadTooLargeError */
export function writePlain(value: object, format: PlainFormatName): Uint8Array {
  if (format === 'json') {
    dataCheck({ limits, tags: false })(value, { path: 'schedule', within: 0 })
    return new TextEncoder().encode(writeJson(value, false))
  }
  const of = binary[format]
  dataCheck({ limits, tags: false, refusal: of.refusal })(value, { path: 'schedule', within: 0 })
  const bytes = new ByteWriter()
  writeData(value, of.sink(bytes), limits)
  of.finish?.(bytes)
  return bytes.finish()
}

/**
 * The value that one of TaskIQ's serializers wrote: a map, whose first byte tells which one it was. Pickles are
 * read as data; any opcode that does more is refused.
 * @throws MalformedMessageError
 */
export function readPlain(bytes: Uint8Array): unknown {
  const [first = 0] = bytes
  if (first === 0x7b || first <= 0x20) return parseJson(textOf(bytes, limits), limits)
  if (bytes.byteLength > limits.maxBytes) throw new MalformedMessageError('it is too large.')
  const format =
    first === 0x80 ? pickleFormat : first >= 0xa0 && first <= 0xbf ? cborFormat : msgpackFormat
  return format.read(new ByteReader(bytes), limits)
}
