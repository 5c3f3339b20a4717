import { engineOf } from './engine-list.ts'
import { peerOf } from './peer-list.ts'
import type { SubjectName } from './steps.ts'
import type { Subject } from './subject.ts'
import { taskwrightSubject } from './taskwright-subject.ts'

/** Opens what is to be measured, in this process. */
export async function openSubject({ peer, engine, place, results }: SubjectName): Promise<Subject> {
  if (peer === 'raw') return engineOf(engine).raw(place, { results })
  if (peer === 'limited') {
    return taskwrightSubject(engineOf(engine).broker(place, { results }), { limited: true })
  }
  if (peer === 'taskwright') return taskwrightSubject(engineOf(engine).broker(place, { results }))
  return peerOf(peer).open(place, { results })
}
