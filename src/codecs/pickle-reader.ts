/**
 * Reads pickles that hold plain data, and nothing else. Nothing is imported, called or built from names
 * in data: see `pickle-opcodes.ts`.
 *
 * A pickle may refer to a list or dict again, also from within itself, which is how a few bytes become
 * gigabytes. TaskIQ's never do, and here they may not; texts may.
 */
import { MalformedMessageError } from '../core/errors.ts'
import { textOfBytes, type ByteReader } from './byte-reader.ts'
import { isFewDigits, mostDigits, type DataLimits } from './data-limits.ts'
import { DataReading, finiteNumber, wholeNumber } from './data-reading.ts'
import { fromLittleEndian } from './integer-bytes.ts'
import { op, refusedOpcodes } from './pickle-opcodes.ts'
import { escapedText, surrogateText } from './pickle-text.ts'

/** The value of a pickle. @throws MalformedMessageError when it is no pickle of plain data. */
export function readPickle(bytes: ByteReader, limits: DataLimits): unknown {
  const value = new PickleMachine(bytes, limits).run()
  bytes.end()
  checkDepth(value, new DataReading(limits))
  return value
}

// What is within what is only known once all is there.
function checkDepth(value: unknown, reading: DataReading): void {
  if (typeof value !== 'object' || value === null) return
  reading.enter()
  for (const member of Object.values(value)) checkDepth(member, reading)
  reading.leave()
}

type Dict = Record<string, unknown>

class PickleMachine {
  readonly #bytes: ByteReader
  readonly #memo = new Map<number, unknown>()
  /** The stacks below the marks; the newest is the last. */
  readonly #below: unknown[][] = []
  #stack: unknown[] = []
  readonly #reading: DataReading

  constructor(bytes: ByteReader, limits: DataLimits) {
    this.#bytes = bytes
    this.#reading = new DataReading(limits)
  }

  run(): unknown {
    for (;;) {
      const code = this.#bytes.byte()
      if (code === op.STOP) return this.#pop()
      const pushed = this.#scalar(code)
      if (pushed !== undefined) this.#stack.push(pushed)
      else if (!this.#container(code) && !this.#remember(code)) this.#refuse(code)
    }
  }

  /** What opcodes push that stand for one value; `undefined` for all others. */
  #scalar(code: number): unknown {
    const bytes = this.#bytes
    switch (code) {
      case op.NONE:
        return null
      case op.NEWTRUE:
      case op.NEWFALSE:
        return code === op.NEWTRUE
      case op.INT:
        return integerOrTruth(bytes.line().toString('latin1'))
      case op.BININT:
        return bytes.int32LE()
      case op.BININT1:
        return bytes.byte()
      case op.BININT2:
        return bytes.uint16LE()
      case op.LONG:
        return integer(bytes.line().toString('latin1').replace(/L$/, ''))
      case op.LONG1:
        return wholeNumber(fromLittleEndian(bytes.take(bytes.byte())))
      case op.LONG4:
        return wholeNumber(fromLittleEndian(bytes.take(bytes.uint32LE())))
      case op.FLOAT:
        return float(bytes.line().toString('latin1'))
      case op.BINFLOAT:
        return finiteNumber(bytes.double())
      case op.UNICODE:
        return escapedText(bytes.line())
      case op.SHORT_BINUNICODE:
        return text(bytes.take(bytes.byte()))
      case op.BINUNICODE:
        return text(bytes.take(bytes.uint32LE()))
      case op.BINUNICODE8:
        return text(bytes.take(Number(bytes.uint64LE())))
      case op.GET:
        return this.#remembered(index(bytes.line().toString('latin1')))
      case op.BINGET:
        return this.#remembered(bytes.byte())
      case op.LONG_BINGET:
        return this.#remembered(bytes.uint32LE())
      case op.EMPTY_LIST:
      case op.EMPTY_TUPLE:
        return []
      case op.EMPTY_DICT:
        return {}
      default:
        return undefined
    }
  }

  /** Builds lists and dicts; whether the opcode was one of those. */
  #container(code: number): boolean {
    switch (code) {
      case op.MARK:
        this.#below.push(this.#stack)
        this.#stack = []
        return true
      case op.LIST:
      case op.TUPLE: {
        // First popped, then pushed: the stack is another one after it.
        const items = this.#popMark()
        this.#stack.push(items)
        return true
      }
      case op.TUPLE1:
      case op.TUPLE2:
      case op.TUPLE3:
        this.#stack.push(this.#popSeveral(code - op.TUPLE1 + 1))
        return true
      case op.DICT: {
        const items = this.#popMark()
        this.#stack.push(this.#setItems({}, items))
        return true
      }
      case op.APPEND: {
        const item = this.#pop()
        this.#list().push(item)
        return true
      }
      case op.APPENDS: {
        const items = this.#popMark()
        const list = this.#list()
        for (const item of items) list.push(item)
        return true
      }
      case op.SETITEM: {
        const items = this.#popSeveral(2)
        this.#setItems(this.#dict(), items)
        return true
      }
      case op.SETITEMS: {
        const items = this.#popMark()
        this.#setItems(this.#dict(), items)
        return true
      }
      default:
        return false
    }
  }

  /** Opcodes that build nothing; whether it was one of those. */
  #remember(code: number): boolean {
    const bytes = this.#bytes
    switch (code) {
      case op.PROTO: {
        const protocol = bytes.byte()
        if (protocol <= 5) return true
        throw new MalformedMessageError(`it is a pickle of protocol ${protocol}; 0 to 5 are read.`)
      }
      case op.FRAME:
        // What is said about its length is only for reading ahead.
        bytes.take(8)
        return true
      case op.PUT:
        this.#memo.set(index(bytes.line().toString('latin1')), this.#top())
        return true
      case op.BINPUT:
        this.#memo.set(bytes.byte(), this.#top())
        return true
      case op.LONG_BINPUT:
        this.#memo.set(bytes.uint32LE(), this.#top())
        return true
      case op.MEMOIZE:
        this.#memo.set(this.#memo.size, this.#top())
        return true
      default:
        return false
    }
  }

  #refuse(code: number): never {
    const name = refusedOpcodes.get(code)
    throw new MalformedMessageError(
      name === undefined
        ? `it is no pickle: 0x${code.toString(16).padStart(2, '0')} is no opcode.`
        : `it is a pickle with the opcode ${name}, which is refused: only plain data is read.`,
    )
  }

  #top(): unknown {
    if (this.#stack.length > 0) return this.#stack[this.#stack.length - 1]
    throw unbalanced()
  }

  #pop(): unknown {
    if (this.#stack.length > 0) return this.#stack.pop()
    throw unbalanced()
  }

  #popSeveral(count: number): unknown[] {
    if (this.#stack.length >= count) return this.#stack.splice(-count)
    throw unbalanced()
  }

  /** Everything since the last mark. */
  #popMark(): unknown[] {
    const below = this.#below.pop()
    if (below === undefined) throw unbalanced()
    const items = this.#stack
    this.#stack = below
    return items
  }

  #list(): unknown[] {
    const list = this.#top()
    if (Array.isArray(list)) return list
    throw new MalformedMessageError('it is a pickle that appends to what is no list.')
  }

  #dict(): Dict {
    const dict = this.#top()
    if (typeof dict === 'object' && dict !== null && !Array.isArray(dict)) return dict as Dict
    throw new MalformedMessageError('it is a pickle that sets items of what is no dict.')
  }

  #setItems(dict: Dict, items: readonly unknown[]): Dict {
    if (items.length % 2 !== 0) throw unbalanced()
    for (let i = 0; i < items.length; i += 2) dict[this.#reading.key(items[i])] = items[i + 1]
    return dict
  }

  #remembered(place: number): unknown {
    const value = this.#memo.get(place)
    if (value === undefined) {
      throw new MalformedMessageError('it is a pickle that refers to what is not there.')
    }
    if (typeof value === 'object' && value !== null) {
      throw new MalformedMessageError('it is a pickle that refers to a list or dict again.')
    }
    return value
  }
}

/** Python writes texts as UTF-8, with halves of surrogate pairs where it has them. */
function text(bytes: Buffer): string {
  return bytes.includes(0xed) ? surrogateText(bytes) : textOfBytes(bytes)
}

/** Protocols 0 and 1 have no other words for true and false. */
function integerOrTruth(line: string): unknown {
  return line === '00' || line === '01' ? line === '01' : integer(line)
}

function integer(line: string): number | bigint {
  if (!isFewDigits(line)) {
    throw new MalformedMessageError(`it has a whole number of more than ${mostDigits} digits.`)
  }
  if (!/^-?\d+$/.test(line)) {
    throw new MalformedMessageError('it is a pickle with an integer that is none.')
  }
  return wholeNumber(BigInt(line))
}

function index(line: string): number {
  if (/^\d{1,10}$/.test(line)) return Number(line)
  throw new MalformedMessageError('it is a pickle with a place that is none.')
}

function float(line: string): number {
  if (line.length <= 512 && /^-?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i.test(line)) {
    return finiteNumber(Number(line))
  }
  throw new MalformedMessageError('it is a pickle with a float that is no number of data.')
}

function unbalanced(): MalformedMessageError {
  return new MalformedMessageError('it is a pickle that takes more than it has.')
}
