/** Row 31b: uniqueness under a race, and its control, which looks and then sends. */
import type { EngineName } from '../engines.ts'
import type { Outcome } from '../row.ts'
import type { StageOptions } from '../stage.ts'
import { limitsBroker } from '../worker/limits-process.ts'
import { closeStore, planOf } from './limits-crew.ts'

/**
 * Producers that all send at once, in many rounds: one message each. With `looks` they look first and then
 * send without a key, as one would by hand: that must be found to fail.
 */
export async function uniqueRace(
  options: Pick<StageOptions, 'program' | 'seed'>,
  { engine, rounds, looks }: { engine: EngineName; rounds: number; looks: boolean },
): Promise<Outcome> {
  const plan = planOf(options, { engine })
  const brokers = Array.from({ length: 5 }, () => limitsBroker(plan))
  const key = (round: number): string => String(round)
  const sends = brokers.map((broker) => {
    const unique = broker.task({ name: 'unique', unique: { key } }, async (_round: number) => {})
    const plain = broker.task('plain', async (_round: number) => {})
    return async (round: number): Promise<boolean> => {
      if (!looks) return !(await unique.kiq(round)).isDuplicate
      if ((await unique.pending(round)) !== null) return false
      await plain.kiq(round)
      await unique.kiq(round)
      return true
    }
  })
  let wrong = 0
  try {
    for (const broker of brokers) await broker.start()
    for (let round = 0; round < rounds; round++) {
      const all = Array.from({ length: 10 }, () => sends).flat()
      const sent = await Promise.all(all.map((send) => send(round)))
      if (sent.filter((one) => one).length !== 1) wrong++
    }
  } finally {
    await closeStore(plan, ...brokers)
  }
  const facts = { rounds, producers: 50, 'rounds with other than one': wrong }
  if (looks) {
    const blind = 'this control passed: a look before the send never sent twice'
    return { faults: wrong > 0 ? [] : [blind], facts }
  }
  return { faults: wrong > 0 ? [`${wrong} rounds had other than one message`] : [], facts }
}
