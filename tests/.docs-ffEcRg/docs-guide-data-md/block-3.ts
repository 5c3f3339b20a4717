import { taskiqJson } from 'taskwright'
import { codecBehaviours } from 'taskwright/testing'

const codec = taskiqJson()
for (const { needs, run } of codecBehaviours) {
  if (needs === undefined || codec.capabilities[needs]) await run(codec)
}
export {}
