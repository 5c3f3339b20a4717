import type { CodecBehaviour } from './behaviour.ts'
import { isMalformed, sampleMessage, sampleResult } from './carry.ts'
import { malformedBodies } from './malformed-bodies.ts'

/** Bytes from anybody. */
export const malformedBehaviours: readonly CodecBehaviour[] = [
  ...malformedBodies.map(({ name, body }): CodecBehaviour => {
    return {
      name: `malformed: ${name} is refused everywhere`,
      run: (codec) => {
        isMalformed((b) => codec.decodeMessage(b), body())
        isMalformed((b) => codec.decodeResult(b), body())
        isMalformed((b) => codec.decodeProgress(b), body())
      },
    }
  }),
  {
    name: 'malformed: a message cut off anywhere is refused',
    run: (codec) => {
      const body = codec.encodeMessage(
        sampleMessage({ args: [1, 'é', new Date(0), 2n ** 63n], labels: { a: 1 } }),
      )
      for (let end = 0; end < body.length; end++) {
        isMalformed((b) => codec.decodeMessage(b), body.slice(0, end))
      }
    },
  },
  {
    name: 'malformed: a result is not a message, and the other way round',
    run: (codec) => {
      const message = codec.encodeMessage(sampleMessage())
      const result = codec.encodeResult(sampleResult())
      isMalformed((b) => codec.decodeMessage(b), result)
      isMalformed((b) => codec.decodeResult(b), message)
      isMalformed((b) => codec.decodeProgress(b), message)
    },
  },
]
