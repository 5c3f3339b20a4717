/**
 * Everything that the kit can make go wrong, at once and by chance, on the real worker: whatever
 * happens, every message comes to exactly one end, and the same seed brings the same ends.
 */
import { describe, expect, it } from 'vitest'
import { TaskContext, createBroker, seededRandom, silentLogger } from '../../../src/index.ts'
import {
  testBroker,
  type Faults,
  type JournalEntry,
  type KillStep,
  type StoreOperation,
  type TestBrokerOptions,
} from '../../../src/testing/index.ts'

const steps: readonly KillStep[] = ['receive', 'run', 'send', 'before-settle', 'after-settle']
const operations: readonly StoreOperation[] = ['receive', 'settle', 'extend']
const parents = 6
const children = 3

function planFaults(faults: Faults, seed: number): void {
  const random = seededRandom(seed)
  const below = (n: number): number => Math.floor(random.next() * n)
  for (let i = 0; i < 6; i++) {
    const nth = 1 + below(8)
    const kind = below(4)
    const step = steps[below(steps.length)] ?? 'run'
    const operation = operations[below(operations.length)] ?? 'settle'
    if (kind === 0) faults.killWorker({ at: step, nth })
    else if (kind === 1)
      faults.failStore({ operation, times: 1 + below(3), answerLost: below(2) === 0 })
    else if (kind === 2) faults.loseLease(below(2) === 0 ? 'parent' : 'child')
    else faults.deliverTwice(below(2) === 0 ? 'parent' : 'child')
  }
  if (below(2) === 0) faults.reorder()
}

interface Outcome {
  readonly journal: readonly JournalEntry[]
  readonly ends: readonly string[]
  readonly runs: number
}

async function storm(options: TestBrokerOptions & { seed: number }): Promise<Outcome> {
  const broker = createBroker({ transport: 'memory:', logger: silentLogger })
  let runs = 0
  const child = broker.task(
    { name: 'child', deps: { ctx: TaskContext }, retry: { max: 3, backoff: '10s' } },
    async ({ ctx }, n: number) => {
      runs++
      await ctx.progress('half')
      if (n % 3 === 0 && ctx.attempt === 1) throw new Error('once')
      return n
    },
  )
  const parent = broker.task('parent', async (n: number) => {
    runs++
    for (let i = 0; i < children; i++) await child.kicker().withTaskId(`child-${n}-${i}`).kiq(i)
  })
  // More lost leases than messages may have by default: this is about the storm, not about poison.
  await using app = testBroker(broker, { ...options, patience: 0, worker: { redeliveries: 50 } })
  planFaults(app.faults, options.seed)
  await Promise.all(
    Array.from({ length: parents }, (_, n) => parent.kicker().withTaskId(`parent-${n}`).kiq(n)),
  )
  await app.drain()
  const ends = app.settled().map(({ taskId, status }) => `${taskId} ${status}`)
  return { journal: app.journal, ends, runs }
}

const expected = Array.from({ length: parents }, (_, n) => [
  `parent-${n} succeeded`,
  ...Array.from({ length: children }, (__, i) => `child-${n}-${i} succeeded`),
])
  .flat()
  .toSorted()

describe('a storm of faults', () => {
  it.each(['concurrent', 'inline'] as const)(
    'brings every message to exactly one end, %s, by 150 seeds',
    async (mode) => {
      let most = 0
      for (let seed = 1; seed <= 150; seed++) {
        const { ends, runs } = await storm({ mode, seed })
        expect(ends.toSorted(), `seed ${seed}`).toEqual(expected)
        most = Math.max(most, runs)
      }
      // They did take place: some work was done more than once.
      expect(most).toBeGreaterThan(expected.length + parents)
    },
  )

  it('is the same storm with the same seed', async () => {
    for (let seed = 1; seed <= 20; seed++) {
      const first = await storm({ mode: 'concurrent', seed })
      expect(await storm({ mode: 'concurrent', seed })).toEqual(first)
    }
  })
})
