import type { Body } from '../../core/message.ts'

/** Bytes or text that are no message, no result and no progress in any codec. */
export interface MalformedBody {
  readonly name: string
  readonly body: () => Body
}

const bytes = (...given: number[]): Uint8Array => new Uint8Array(given)

/** What anybody might write into a store. */
export const malformedBodies: readonly MalformedBody[] = [
  { name: 'an empty text', body: () => '' },
  { name: 'no bytes', body: () => bytes() },
  { name: 'white space', body: () => ' \n\t' },
  { name: 'a word', body: () => 'garbage' },
  { name: 'bytes that are not UTF-8', body: () => bytes(0x7b, 0x22, 0xff, 0xfe, 0x22, 0x7d) },
  { name: 'a truncated character', body: () => bytes(0x22, 0xe2, 0x82) },
  { name: 'an overlong slash', body: () => bytes(0x22, 0xc0, 0xaf, 0x22) },
  { name: 'zero bytes', body: () => new Uint8Array(64) },
  { name: 'a byte order mark (text)', body: () => '\ufeff{}' },
  { name: 'a byte order mark (bytes)', body: () => bytes(0xef, 0xbb, 0xbf, 0x7b, 0x7d) },
  { name: 'UTF-16', body: () => bytes(0x7b, 0, 0x7d, 0) },
  { name: 'a pickle', body: () => bytes(0x80, 0x04, 0x7d, 0x94, 0x2e) },
  ...['null', 'true', '1', '"text"', '[]', '[{}]', '{}', '{"a":1}', 'NaN', "{'a':1}", '{}{}'].map(
    (text) => ({ name: `the text ${text}`, body: (): Body => text }),
  ),
  { name: 'arrays nested 100 000 deep', body: () => '['.repeat(100_000) + ']'.repeat(100_000) },
  { name: 'objects nested 100 000 deep', body: () => '{"a":'.repeat(100_000) },
  { name: 'a message of 64 MB', body: () => `{"a":"${'x'.repeat(64 * 1024 * 1024)}"}` },
  { name: 'bytes of 64 MB', body: () => new Uint8Array(64 * 1024 * 1024) },
]
