/** Row 22: keys are deleted under running processes, or hold something else. */
import type { Anomaly } from '../checker.ts'
import { faultsOf } from '../checker.ts'
import { row } from '../row.ts'
import { onStage, shortLease, type Stage } from '../stage.ts'
import { pause } from '../worker/pause.ts'
import { send } from '../worker/tasks.ts'

/** All keys that a queue and an app have, by what they are. */
const keys = [
  'taskiq',
  '{taskiq}:tw:p:9',
  '{taskiq}:tw:lines',
  '{taskiq}:tw:delayed',
  '{taskiq}:tw:later',
  '{taskiq}:tw:back',
  '{taskiq}:tw:seq',
  '{taskiq}:tw:dead',
  '{taskiq}:tw:dead:ids',
  'tw:ids',
  'tw:queues',
  'tw:cancel',
  'tw:caps',
  'tw:store',
] as const

/** What was in a key that is gone may be lost, and what was not told of it may come again. */
const allowed: readonly Anomaly[] = [
  'lost',
  'doubleSettled',
  'runAfterEnd',
  'staleSettles',
  'overlaps',
  'phantom',
]

/** Milliseconds in which what is sent afterwards has to be done. */
const patience = 30_000

type Harm = (stage: Stage, key: string) => Promise<void>

const harms: Readonly<Record<string, Harm>> = {
  deleted: async ({ redis }, key) => {
    await redis.command('DEL', key)
  },
  'of another type': async ({ redis }, key) => {
    const command = key === 'tw:ids' || key === 'taskiq' ? 'SADD' : 'SET'
    // In one step: a worker would make it anew in between.
    const script = `redis.call('DEL', KEYS[1]); redis.call('${command}', KEYS[1], 'wrong')`
    await redis.command('EVAL', script, 1, key)
    await pause(1000)
    await redis.command('DEL', key)
  },
}

/** Row 22. */
export const damagedKeys = row({
  id: '22',
  fault: 'FLUSHALL; each key deleted, or of another type for a second',
  expected: 'what was in the key may be lost; the workers live and go on, errors say what is wrong',
  engines: ['redis'],
  sizes: { A: { rounds: 1 }, B: { rounds: 4 }, C: { rounds: 50 } },
  run: (options, { rounds }) =>
    onStage(options, { name: 'redis-keys', workers: 2 }, async (stage) => {
      await stage.start()
      const before = JSON.stringify(stage.fleet.members.map(({ pid }) => pid))
      const faults: string[] = []
      const strikes: readonly (readonly [string, () => Promise<unknown>])[] = [
        ['FLUSHALL', () => stage.redis.command('FLUSHALL')],
        ...Object.entries(harms).flatMap(([how, harm]) =>
          keys.map((key) => [`${key} ${how}`, () => harm(stage, key)] as const),
        ),
      ]
      for (let round = 0; round < rounds; round++) {
        for (const [what, strike] of strikes) {
          await sendAll(stage)
          await strike()
          const slow = await afterwards(stage)
          if (slow.length > 0)
            faults.push(`${what}: ${slow.length} of 20 sent afterwards are not done`)
        }
      }
      await stage.drain(2 * shortLease)
      const alive = JSON.stringify(stage.fleet.members.map(({ pid }) => pid))
      const { verdict, entries } = await stage.judge()
      const failures = entries.filter((e) => e.kind === 'note' && e.what === 'store-failed').length
      return {
        verdict,
        faults: [
          ...faults,
          ...faultsOf(verdict, allowed),
          ...(alive === before ? [] : ['a worker ended']),
          // Each worker asks again at most some times a second.
          ...(failures < strikes.length * rounds * 100
            ? []
            : [`${failures} calls failed: a loop without rest`]),
        ],
        facts: {
          strikes: strikes.length * rounds,
          lost: verdict.lost.length,
          'store-failed': failures,
        },
      }
    }),
})

/** Work of all kinds: of other priorities, for later, failing. */
async function sendAll(stage: Stage): Promise<void> {
  const { ledger, tasks } = stage
  const urgent = stage.id()
  const later = stage.id()
  const flaky = stage.id()
  await Promise.all([
    stage.sendWork(30, { ms: 100, unsure: true }),
    send(ledger, { kind: 'attempt', id: urgent }, () =>
      tasks.work.kicker().withTaskId(urgent).withPriority('critical').kiq(20),
    ),
    send(ledger, { kind: 'attempt', id: later }, () =>
      tasks.work.kicker().withTaskId(later).withDelay('300ms').kiq(20),
    ),
    send(ledger, { kind: 'attempt', id: flaky }, () =>
      tasks.flaky.kicker().withTaskId(flaky).kiq(1),
    ),
  ])
}

/** Ids of what was sent afterwards and is not done in time. */
async function afterwards(stage: Stage): Promise<readonly string[]> {
  const ids = Array.from({ length: 20 }, () => stage.id())
  stage.ledger.write(...ids.map((id) => ({ kind: 'attempt', id }) as const))
  await Promise.all(ids.map((id) => stage.tasks.work.kicker().withTaskId(id).kiq(20)))
  stage.ledger.write(...ids.map((id) => ({ kind: 'ack', id, known: false }) as const))
  const end = performance.now() + patience
  let open: readonly string[] = ids
  while (open.length > 0 && performance.now() < end) {
    const states = await Promise.all(open.map((id) => stage.broker.handle(id).status()))
    open = open.filter((_, i) => states[i] !== 'succeeded')
    await pause(50)
  }
  return open
}
