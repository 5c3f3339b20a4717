import assert from 'node:assert/strict'
import type { Codec } from '../../core/codec.ts'
import { isTaskwrightError } from '../../core/errors.ts'
import type { Body, Message } from '../../core/message.ts'
import type { ResultRecord } from '../../core/result.ts'

/** A message that any codec can carry, with what is given in it. */
export function sampleMessage(parts?: Partial<Message>): Message {
  return { id: 'a'.repeat(32), task: 'sample.task', args: [], kwargs: {}, labels: {}, ...parts }
}

/** A result that any codec can carry, with what is given in it. */
export function sampleResult(parts?: Partial<ResultRecord>): ResultRecord {
  return {
    status: 'succeeded',
    value: null,
    executionTime: 0.25,
    labels: {},
    error: null,
    ...parts,
  }
}

/** A message after its way over the wire. */
export function sent(codec: Codec, parts: Partial<Message>): Message {
  return codec.decodeMessage(codec.encodeMessage(sampleMessage(parts)))
}

/** A result after its way over the wire. */
export function stored(codec: Codec, parts: Partial<ResultRecord>): ResultRecord {
  return codec.decodeResult(codec.encodeResult(sampleResult(parts)))
}

/** Asserts that encoding refuses with this code; returns what the error says. */
export function refuses(code: 'DATA_NOT_PLAIN' | 'PAYLOAD_TOO_LARGE', run: () => unknown): string {
  try {
    run()
  } catch (error) {
    assert.ok(isTaskwrightError(error, code), `expected ${code}, got ${String(error)}`)
    return error.message
  }
  return assert.fail(`expected ${code}, but nothing was thrown`)
}

/** Asserts that decoding refuses with MALFORMED_MESSAGE and nothing else. */
export function isMalformed(read: (body: Body) => unknown, body: Body): void {
  try {
    read(body)
  } catch (error) {
    assert.ok(
      isTaskwrightError(error, 'MALFORMED_MESSAGE'),
      `expected MALFORMED_MESSAGE, got ${String(error)}`,
    )
    assert.notEqual(error.message, '')
    return
  }
  assert.fail('expected MALFORMED_MESSAGE, but it was read')
}
