import { describe, it } from 'vitest'
import { taskiqJson } from '../../src/codecs/taskiq-json.ts'
import { codecBehaviours } from '../../src/testing/codec-behaviours.ts'

describe.each([
  ['taskiqJson()', taskiqJson()],
  ['taskiqJson({ richTypes: true })', taskiqJson({ richTypes: true })],
])('%s', (_, codec) => {
  for (const { name, needs, run } of codecBehaviours) {
    it.skipIf(needs !== undefined && !codec.capabilities[needs])(name, () => run(codec))
  }
})
