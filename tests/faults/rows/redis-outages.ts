/** Rows 11, 12, 14 and 21: the server dies, hangs and refuses. */
import type { Verdict } from '../checker.ts'
import { shortfalls, type Expectations } from '../expectations.ts'
import { row, type Outcome } from '../row.ts'
import { onStage, type Stage, type StageOptions } from '../stage.ts'
import { readLedgers } from '../worker/ledger.ts'
import { pause } from '../worker/pause.ts'

const engines = ['redis'] as const
/** Workers of a run, and what each may have in its hands. */
const workers = 4
const inHands = workers * 40
/** Milliseconds until work goes on when the server is there again. */
const recoveryBound = 5000

/** What a server writes down before it answers. */
const log = (fsync: string): readonly string[] => ['--appendonly', 'yes', '--appendfsync', fsync]

/** Milliseconds from now until something is settled. */
async function untilSettled(stage: Stage): Promise<number> {
  const begun = performance.now()
  const before = settledIn(stage)
  while (settledIn(stage) === before) {
    if (performance.now() - begun > 6 * recoveryBound) return Infinity
    await pause(25)
  }
  return Math.round(performance.now() - begun)
}

function settledIn(stage: Stage): number {
  return readLedgers(stage.folder).filter((e) => e.kind === 'settled' && e.status === 'settled')
    .length
}

/** Strikes again and again while work comes, and has what is left judged. */
function underFire(
  options: StageOptions,
  of: {
    readonly name: string
    readonly settings?: readonly string[]
    readonly times: number
    /** Milliseconds between two strikes, about. */
    readonly every: number
    readonly perStrike?: number
    readonly strike: (stage: Stage, no: number) => Promise<void>
    readonly expected?: (verdict: Verdict) => Expectations
    readonly facts?: (verdict: Verdict) => Outcome['facts']
  },
): Promise<Outcome> {
  const { name, settings, times, every, perStrike = 200, strike } = of
  return onStage(options, { name, workers, redis: { settings } }, async (stage) => {
    await stage.start()
    const slow: number[] = []
    let sending = true
    const feed = (async () => {
      while (sending) {
        await stage.sendWork(perStrike / 4, { unsure: true, batch: 10, over: every / 2, ms: 150 })
        await pause(20)
      }
    })()
    for (let i = 0; i < times; i++) {
      await pause(every * (0.5 + stage.random.next()))
      const heal = stage.cutOff()
      await strike(stage, i)
      slow.push(await untilSettled(stage))
      heal()
      if (i % 10 === 9) options.log(`${name}: ${i + 1} of ${times}`)
    }
    sending = false
    await feed
    await stage.drain()
    const { verdict, entries } = await stage.judge()
    const longest = Math.max(...slow)
    const failures = entries.filter((e) => e.kind === 'note' && e.what === 'store-failed').length
    const also = {
      [`work goes on within ${recoveryBound} ms (the longest took ${longest})`]:
        longest <= recoveryBound,
    }
    const expected = of.expected?.(verdict) ?? {}
    return {
      verdict,
      faults: shortfalls(verdict, {
        duplicates: times * inHands,
        ...expected,
        also: { ...also, ...expected.also },
      }),
      facts: {
        strikes: times,
        'longest recovery ms': longest,
        unknown: verdict.unknown,
        'store-failed': failures,
        ...of.facts?.(verdict),
      },
    }
  })
}

async function killServer(stage: Stage): Promise<void> {
  await stage.redis.server.kill()
  await pause(stage.draw(3000))
  await stage.redis.server.start()
}

/** Row 11. */
export const killedServer = row({
  id: '11',
  fault: 'Redis SIGKILL and restart, appendfsync always',
  expected: 'nothing lost; work goes on within 5 s',
  engines,
  sizes: { A: { kills: 3 }, B: { kills: 30 }, C: { kills: 500 } },
  run: (options, { kills }) =>
    underFire(options, {
      name: 'redis-killed',
      settings: log('always'),
      times: kills,
      every: 1500,
      strike: killServer,
    }),
})

/** Row 12. What Redis has not written when it dies is as if it had not been. */
export const killedServerEverysec = row({
  id: '12',
  fault: 'Redis SIGKILL and restart, appendfsync everysec, saturated',
  expected: 'lost at most what was acknowledged in the last 2 s before a kill; nothing stuck',
  engines,
  sizes: { A: { kills: 2 }, B: { kills: 20 }, C: { kills: 300 } },
  run: (options, { kills }) =>
    underFire(options, {
      name: 'redis-killed-everysec',
      settings: log('everysec'),
      times: kills,
      every: 1500,
      perStrike: 2000,
      strike: killServer,
      expected: ({ lost, duplicates, acknowledged }) => ({
        allowed: ['lost', 'doubleSettled', 'runAfterEnd', 'staleSettles'],
        allSucceed: false,
        duplicates,
        also: { [`${lost.length} lost of ${acknowledged}`]: lost.length <= kills * 4000 },
      }),
      facts: ({ lost, doubleSettled }) => ({
        lost: lost.length,
        'ended twice': doubleSettled.length,
      }),
    }),
})

/** Row 14. */
export const hungServer = row({
  id: '14',
  fault: 'Redis hangs: SIGSTOP, CLIENT PAUSE, DEBUG SLEEP, beyond the leases',
  expected: 'nothing lost, nobody ends; work goes on within 5 s',
  engines,
  sizes: { A: { hangs: 3 }, B: { hangs: 24 }, C: { hangs: 100 } },
  run: (options, { hangs }) =>
    underFire(options, {
      name: 'redis-hung',
      times: hangs,
      every: 1500,
      async strike(stage, no) {
        const { redis } = stage
        if (no % 3 === 0) {
          redis.server.signal('SIGSTOP')
          await pause(3000 + stage.draw(2000))
          redis.server.signal('SIGCONT')
        } else if (no % 3 === 1) {
          await redis.command('CLIENT', 'PAUSE', 3000, stage.pick(['ALL', 'WRITE']))
          await pause(3000)
        } else await redis.command('DEBUG', 'SLEEP', 3)
      },
    }),
})

/** Ways for a server to refuse, and back. */
const refusals: Readonly<Record<string, (stage: Stage) => Promise<void>>> = {
  async READONLY({ redis }) {
    await redis.command('REPLICAOF', '127.0.0.1', 1)
    await pause(1500)
    await redis.command('REPLICAOF', 'NO', 'ONE')
  },
  async LOADING({ redis }) {
    await redis.command('CONFIG', 'SET', 'key-load-delay', 300)
    await redis.server.kill()
    await redis.server.start([
      '--key-load-delay',
      '300',
      '--loading-process-events-interval-bytes',
      '1024',
    ])
  },
  async OOM({ redis }) {
    await redis.command('CONFIG', 'SET', 'maxmemory', '1mb')
    await pause(1500)
    await redis.command('CONFIG', 'SET', 'maxmemory', 0)
  },
  async NOSCRIPT({ redis }) {
    for (let i = 0; i < 30; i++) {
      await redis.command('SCRIPT', 'FLUSH')
      await pause(50)
    }
  },
  async BUSY({ redis }) {
    await redis.command('CONFIG', 'SET', 'busy-reply-threshold', 100)
    const busy = redis.command('EVAL', 'while true do end', 0).catch(() => {})
    await pause(1500)
    redis.server.cli('SCRIPT', 'KILL')
    await busy
  },
  async MISCONF({ redis }) {
    await redis.server.failSnapshot()
    await pause(1500)
    await redis.server.mendSnapshot()
  },
  async NOREPLICAS({ redis }) {
    await redis.command('CONFIG', 'SET', 'min-replicas-to-write', 1)
    await pause(1500)
    await redis.command('CONFIG', 'SET', 'min-replicas-to-write', 0)
  },
}

/** Row 21. */
export const refusingServer = row({
  id: '21',
  fault: `Redis refuses: ${Object.keys(refusals).join(', ')}`,
  expected: 'asked again, or told to the producer; nothing lost',
  engines,
  sizes: { A: { each: 1 }, B: { each: 6 }, C: { each: 50 } },
  run: (options, { each }) =>
    underFire(options, {
      name: 'redis-refuses',
      settings: log('always'),
      times: each * Object.keys(refusals).length,
      every: 1000,
      async strike(stage, no) {
        const all = Object.values(refusals)
        await all[no % all.length]?.(stage)
      },
    }),
})
