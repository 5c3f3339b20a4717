import { describe, it } from 'vitest'
import { taskiqCbor } from '../../src/codecs/taskiq-cbor.ts'
import { taskiqJson } from '../../src/codecs/taskiq-json.ts'
import { taskiqMsgpack } from '../../src/codecs/taskiq-msgpack.ts'
import { taskiqPickle } from '../../src/codecs/taskiq-pickle.ts'
import { codecBehaviours } from '../../src/testing/codec-behaviours.ts'

describe.each([
  ['taskiqJson()', taskiqJson()],
  ['taskiqJson({ richTypes: true })', taskiqJson({ richTypes: true })],
  ['taskiqMsgpack()', taskiqMsgpack()],
  ['taskiqCbor()', taskiqCbor()],
  ['taskiqPickle()', taskiqPickle()],
])('%s', (_, codec) => {
  for (const { name, needs, run } of codecBehaviours) {
    it.skipIf(needs !== undefined && !codec.capabilities[needs])(name, () => run(codec))
  }
})
