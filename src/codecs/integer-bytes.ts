/** Whole numbers of any size as bytes, and back. */
import { MalformedMessageError } from '../core/errors.ts'
import { mostDigits } from './data-limits.ts'

/** The most bytes that a number of the most digits has; more are not looked at. */
const mostBytes = Math.ceil((mostDigits * Math.log2(10)) / 8) + 1

/** @throws MalformedMessageError when there are more bytes than any number here has. */
function checkCount(bytes: Uint8Array): void {
  if (bytes.byteLength <= mostBytes) return
  throw new MalformedMessageError(`it has a whole number of more than ${mostDigits} digits.`)
}

/** The bytes of a number that is not negative, without zeros in front. */
export function bigEndianOf(value: bigint): Buffer {
  const digits = value.toString(16)
  return Buffer.from(digits.length % 2 === 0 ? digits : `0${digits}`, 'hex')
}

/** The number that these bytes are. @throws MalformedMessageError when they are too many. */
export function fromBigEndian(bytes: Uint8Array): bigint {
  checkCount(bytes)
  if (bytes.byteLength === 0) return 0n
  return BigInt(`0x${Buffer.from(bytes).toString('hex')}`)
}

/** Two's complement, the lowest byte first, as few as will do (pickle's long integers). */
export function littleEndianOf(value: bigint): Buffer {
  let count = bigEndianOf(value < 0n ? -value : value).byteLength
  // One bit says the sign, for which there may be no room.
  while (BigInt.asIntN(count * 8, value) !== value) count++
  const bytes = bigEndianOf(BigInt.asUintN(count * 8, value))
  const padded = Buffer.alloc(count)
  padded.set(bytes, count - bytes.byteLength)
  return padded.reverse()
}

/** The number that two's complement says. @throws MalformedMessageError when the bytes are too many. */
export function fromLittleEndian(bytes: Uint8Array): bigint {
  checkCount(bytes)
  return BigInt.asIntN(bytes.byteLength * 8, fromBigEndian(Buffer.from(bytes).reverse()))
}
