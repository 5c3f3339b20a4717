/**
 * Bodies as columns. Text stays text and bytes stay bytes, except that the libraries cut a text at a
 * null character. Such a text (JSON never is one), and one that begins like an escaped one, is stored
 * escaped: a leading U+0001, then each U+0001 as U+0001 `a` and each U+0000 as U+0001 `b`.
 */
import type { Body } from '../core/message.ts'

const mark = '\u0001'
const markEscaped = '\u0001a'
const none = '\u0000'
const noneEscaped = '\u0001b'
/** No bytes, but at an address: node:sqlite of Node 22 stores NULL for an empty array that came from another thread. */
const noBytes = new Uint8Array(1).subarray(0, 0)

/** What goes into the column. */
export function toStored(body: Body): Body {
  if (typeof body !== 'string') return body.byteLength === 0 ? noBytes : body
  if (!body.startsWith(mark) && !body.includes(none)) return body
  return mark + body.replaceAll(mark, markEscaped).replaceAll(none, noneEscaped)
}

/** What was meant by the column. */
export function fromStored(data: Body): Body {
  if (typeof data !== 'string' || !data.startsWith(mark)) return data
  return data.slice(mark.length).replaceAll(noneEscaped, none).replaceAll(markEscaped, mark)
}
