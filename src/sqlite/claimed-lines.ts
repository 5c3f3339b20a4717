/**
 * Which rows lie behind the tokens of claims that were held by one statement: there, token and seq
 * differ by the same number in all rows. What is claimed together often ends together, and such a run
 * is deleted by one statement as well: 1.4 µs a row where a statement for each costs 3.6.
 *
 * Only a memory of this connection: a token that is not found here (of another process, or from long
 * ago) is settled by itself.
 */
export interface ClaimedLine {
  /** Tokens of the line: from, and up to. Between them there may be tokens that were not given. */
  readonly from: number
  readonly to: number
  /** token - seq. */
  readonly offset: number
}

/** A hundred claims of a hundred messages each. */
const most = 100

/** See the top of the file. */
export class ClaimedLines {
  /** In the order of tokens, as they are given. */
  readonly #lines: ClaimedLine[] = []

  /** A line was held. */
  add(line: ClaimedLine): void {
    if (this.#lines.length >= most) this.#lines.shift()
    this.#lines.push(line)
  }

  /** The line of a token. */
  find(token: number): ClaimedLine | undefined {
    const lines = this.#lines
    let low = 0
    let high = lines.length - 1
    while (low <= high) {
      const middle = (low + high) >> 1
      const line = lines[middle]
      if (line === undefined) return undefined
      if (token < line.from) high = middle - 1
      else if (token > line.to) low = middle + 1
      else return line
    }
    return undefined
  }
}
