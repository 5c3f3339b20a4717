/** Bytes that grow while they are written, in one buffer. Numbers are big-endian unless their name says `LE`. */
export class ByteWriter {
  #buffer: Buffer = Buffer.allocUnsafe(512)
  #at = 0

  byte(value: number): void {
    this.#room(1)
    this.#buffer[this.#at++] = value
  }

  uint16(value: number): void {
    this.#room(2)
    this.#at = this.#buffer.writeUInt16BE(value, this.#at)
  }

  uint16LE(value: number): void {
    this.#room(2)
    this.#at = this.#buffer.writeUInt16LE(value, this.#at)
  }

  uint32(value: number): void {
    this.#room(4)
    this.#at = this.#buffer.writeUInt32BE(value, this.#at)
  }

  uint32LE(value: number): void {
    this.#room(4)
    this.#at = this.#buffer.writeUInt32LE(value, this.#at)
  }

  /** The lower 64 bits of a whole number, signed or not. */
  int64(value: bigint): void {
    this.#room(8)
    this.#at = this.#buffer.writeBigUInt64BE(BigInt.asUintN(64, value), this.#at)
  }

  double(value: number): void {
    this.#room(8)
    this.#at = this.#buffer.writeDoubleBE(value, this.#at)
  }

  bytes(value: Uint8Array): void {
    this.#room(value.byteLength)
    this.#buffer.set(value, this.#at)
    this.#at += value.byteLength
  }

  /** What was written, in memory of its own. */
  finish(): Uint8Array {
    return Uint8Array.from(this.#buffer.subarray(0, this.#at))
  }

  #room(count: number): void {
    const needed = this.#at + count
    if (needed <= this.#buffer.length) return
    const grown = Buffer.allocUnsafe(Math.max(needed, this.#buffer.length * 2))
    grown.set(this.#buffer.subarray(0, this.#at))
    this.#buffer = grown
  }
}
