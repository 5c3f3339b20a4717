/**
 * Reads replies of Redis (RESP2, https://redis.io/docs/latest/develop/reference/protocol-spec) from the pieces
 * in which a socket brings them.
 *
 * A reply is looked through first, by its lengths alone and from where the last look ended, so that a large one
 * that comes in many pieces is not read again with each. What is whole is turned into values then: its texts
 * are cut out of one text of the whole reply, which costs a tenth of decoding each by itself.
 */
import { isAscii } from 'node:buffer'
import { replyError } from './redis-failure.ts'

/** A reply, or an error that Redis answered. Errors within a list stand in it as they are. */
export type Reply = unknown

/** Told of each reply, in their order. */
export interface ReplyListener {
  /** Whether the texts of the reply that is next are wanted as bytes. */
  readonly wantsBytes: () => boolean
  readonly onReply: (reply: Reply) => void
}

const cr = 0x0d
const plus = 0x2b
const minus = 0x2d
const colon = 0x3a
const dollar = 0x24
const star = 0x2a
const zero = 0x30

/** A shorter reply is not worth a text of the whole. */
const shortReply = 128

/** See the top of the file. One for each connection: what was begun on another is not gone on with. */
export class RespReader {
  readonly #listener: ReplyListener
  /** What has come and is not read yet; beyond `#end` there is room for more. */
  #bytes: Buffer = Buffer.alloc(0)
  #end = 0
  /** Where the reply begins that is not whole yet, where the look goes on, and how many values are to come. */
  #start = 0
  #at = 0
  #left = 1

  constructor(listener: ReplyListener) {
    this.#listener = listener
  }

  /** Takes a piece, and tells of the replies that it completes. @throws Error for bytes that are no reply. */
  push(piece: Buffer): void {
    this.#take(piece)
    while (this.#scan()) {
      const bytes = this.#bytes
      const builder = new Builder(bytes, { start: this.#start, end: this.#at })
      this.#start = this.#at
      this.#left = 1
      this.#listener.onReply(builder.value(this.#listener.wantsBytes()))
    }
  }

  #take(piece: Buffer): void {
    const rest = this.#end - this.#start
    if (rest === 0) {
      this.#bytes = piece
      this.#end = piece.length
      this.#at = 0
      this.#start = 0
      return
    }
    const needed = rest + piece.length
    // Values may point into the bytes of replies before: only room behind them is written to.
    if (this.#bytes.length - this.#end < piece.length) {
      const grown = Buffer.allocUnsafeSlow(needed * 2)
      this.#bytes.copy(grown, 0, this.#start, this.#end)
      this.#bytes = grown
      this.#at -= this.#start
      this.#start = 0
      this.#end = rest
    }
    piece.copy(this.#bytes, this.#end)
    this.#end += piece.length
  }

  /** Goes on with the look; whether a reply is whole. */
  #scan(): boolean {
    const bytes = this.#bytes
    const end = this.#end
    let at = this.#at
    let left = this.#left
    while (left > 0) {
      let eol = at + 1
      while (eol < end && bytes[eol] !== cr) eol++
      // The line and the two bytes that end it.
      if (eol + 2 > end) break
      let next = eol + 2
      switch (bytes[at]) {
        case dollar: {
          const length = wholeNumber(bytes, at + 1, eol)
          if (length >= 0) next += length + 2
          break
        }
        case star:
          left += Math.max(0, wholeNumber(bytes, at + 1, eol))
          break
        case plus:
        case minus:
        case colon:
          break
        default:
          throw new Error(`Redis answered what is no reply (byte ${String(bytes[at])})`)
      }
      if (next > end) break
      at = next
      left--
    }
    this.#at = at
    this.#left = left
    return left === 0
  }
}

/** Turns the bytes of one reply, known to be whole, into values. */
class Builder {
  readonly #bytes: Buffer
  readonly #start: number
  readonly #end: number
  #at: number
  /** The whole reply, where all of it is ASCII and it is worth it. */
  #text: string | undefined
  #asked = false

  constructor(bytes: Buffer, { start, end }: { start: number; end: number }) {
    this.#bytes = bytes
    this.#start = start
    this.#end = end
    this.#at = start
  }

  value(asBytes: boolean): Reply {
    const bytes = this.#bytes
    const from = this.#at + 1
    let eol = from
    while (bytes[eol] !== cr) eol++
    const type = bytes[from - 1]
    this.#at = eol + 2
    switch (type) {
      case dollar: {
        const length = wholeNumber(bytes, from, eol)
        if (length < 0) return null
        const begin = eol + 2
        this.#at = begin + length + 2
        return asBytes ? bytes.subarray(begin, begin + length) : this.#cut(begin, begin + length)
      }
      case star: {
        const length = wholeNumber(bytes, from, eol)
        if (length < 0) return null
        // Made as long as it will be: a list that grows keeps room for sixteen more.
        const list = Array<Reply>(length)
        for (let i = 0; i < length; i++) list[i] = this.value(asBytes)
        return list
      }
      case colon:
        return wholeNumber(bytes, from, eol)
      case minus:
        return replyError(bytes.toString('utf8', from, eol))
      default:
        return asBytes ? bytes.subarray(from, eol) : bytes.toString('utf8', from, eol)
    }
  }

  #cut(from: number, to: number): string {
    if (!this.#asked) {
      this.#asked = true
      const all = this.#bytes.subarray(this.#start, this.#end)
      if (all.length > shortReply && isAscii(all)) this.#text = all.toString('latin1')
    }
    return this.#text === undefined
      ? this.#bytes.toString('utf8', from, to)
      : this.#text.slice(from - this.#start, to - this.#start)
  }
}

/** Of digits, with a sign or without. */
function wholeNumber(bytes: Buffer, from: number, to: number): number {
  const negative = bytes[from] === minus
  let value = 0
  for (let i = negative ? from + 1 : from; i < to; i++)
    value = value * 10 + ((bytes[i] ?? zero) - zero)
  return negative ? -value : value
}
