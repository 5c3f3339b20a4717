/** Row 12b: what each way of persisting loses of what was acknowledged, when the server is killed. */
import { row } from '../row.ts'
import { onStage, type Stage, type StageOptions } from '../stage.ts'
import { pause } from '../worker/pause.ts'

/** By what the documentation calls them. */
const ways = {
  off: [],
  snapshots: ['--save', '1 1'],
  everysec: ['--appendonly', 'yes', '--appendfsync', 'everysec'],
  always: ['--appendonly', 'yes', '--appendfsync', 'always'],
} as const satisfies Readonly<Record<string, readonly string[]>>

type Way = keyof typeof ways

/** Row 12b. */
export const durability = row({
  id: '12b',
  fault: 'Redis SIGKILL under a producer, for each way of persisting',
  expected: 'always: nothing lost; everysec: at most what was acknowledged in the last 2 s',
  engines: ['redis'],
  sizes: { A: { kills: 1 }, B: { kills: 8 }, C: { kills: 60 } },
  async run(options, { kills }) {
    const faults: string[] = []
    const facts: Record<string, string> = {}
    for (const way of Object.keys(ways) as Way[]) {
      let [lost, acked, seconds] = [0, 0, 0]
      for (let i = 0; i < kills; i++) {
        const one = await killOnce({ ...options, seed: options.seed + i }, way)
        lost += one.lost
        acked += one.acked
        seconds += one.seconds
      }
      facts[way] = `${lost} of ${acked} lost at ${Math.round(acked / seconds)}/s`
      const bound =
        way === 'always' ? 0 : way === 'everysec' ? (2 * kills * acked) / seconds : acked
      if (lost > bound) faults.push(`${way}: ${facts[way]}`)
      if (way === 'off' && lost < acked)
        faults.push('off: something was kept, so nothing was killed')
    }
    return { faults, facts }
  },
})

function killOnce(options: StageOptions, way: Way) {
  const setting = { name: `durability-${way}`, workers: 0, redis: { settings: ways[way] } }
  return onStage(options, setting, async (stage) => {
    await stage.start()
    const acked = new Set<string>()
    const begun = performance.now()
    const killing = pause(2500 + stage.draw(1000)).then(() => stage.redis.server.kill())
    let dead = false
    void killing.then(() => (dead = true))
    const acknowledge = (id: string): void => void (dead || acked.add(id))
    // What is under way then is asked again until the server is there; it is not counted.
    while (!dead) await Promise.race([sendSome(stage, acknowledge), killing])
    const seconds = (performance.now() - begun) / 1000
    await stage.redis.server.start()
    const kept = await idsIn(stage)
    return { lost: [...acked].filter((id) => !kept.has(id)).length, acked: acked.size, seconds }
  })
}

/** Sends, and notes what was acknowledged; what fails was not. */
async function sendSome({ tasks }: Stage, acknowledged: (id: string) => void): Promise<void> {
  await Promise.all(
    Array.from({ length: 100 }, () =>
      tasks.noop.kiq().then(
        ({ taskId }) => acknowledged(taskId),
        () => undefined,
      ),
    ),
  )
}

/** The ids of what waits. */
async function idsIn({ redis }: Stage): Promise<ReadonlySet<string>> {
  const entries = (await redis.command('XRANGE', 'taskiq', '-', '+')) as readonly [
    string,
    string[],
  ][]
  return new Set(
    entries.flatMap(([, fields]) => /"task_id": ?"([\w-]+)"/.exec(fields.join(' '))?.[1] ?? []),
  )
}
