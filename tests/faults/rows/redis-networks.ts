/** Rows 15 to 18: what lies between the processes and the server breaks. */
import { shortfalls } from '../expectations.ts'
import { row, type Outcome } from '../row.ts'
import { onStage, shortLease, type Stage, type StageOptions } from '../stage.ts'
import type { Direction } from '../fault-proxy.ts'
import { pause } from '../worker/pause.ts'
import { send } from '../worker/tasks.ts'

const engines = ['redis'] as const
const workers = 4

/** Row 15. */
export const killedConnections = row({
  id: '15',
  fault: 'connections are cut on the server: CLIENT KILL, all kinds, every 200 ms',
  expected: 'nothing lost; what listens and blocks is there again',
  engines,
  sizes: { A: { storms: 20 }, B: { storms: 500 }, C: { storms: 5000 } },
  run: (options, { storms }) =>
    onStage(options, { name: 'client-kill', workers }, async (stage) => {
      await stage.start()
      const work = { over: storms * 200, batch: 20, ms: 150, unsure: true }
      const sending = stage.sendWork(storms * 40, work)
      for (let i = 0; i < storms; i++) {
        await pause(200)
        const type = stage.pick(['normal', 'pubsub'])
        await stage.redis.command('CLIENT', 'KILL', 'TYPE', type, 'SKIPME', 'yes')
      }
      await sending
      await stage.drain()
      // A result is told, not only found: subscriptions are there again.
      const begun = performance.now()
      const id = stage.id()
      await send(stage.ledger, { kind: 'attempt', id }, () =>
        stage.tasks.measure.kicker().withTaskId(id).kiq('four'),
      )
      await stage.broker.handle(id).result({ timeout: '20s' })
      const told = Math.round(performance.now() - begun)
      const { verdict, entries } = await stage.judge()
      const redelivered = entries.filter((e) => e.kind === 'claim' && e.redeliveries > 0).length
      return {
        verdict,
        // An answer that was lost is asked for again: no lease has to end for it.
        faults: shortfalls(verdict, { duplicates: redelivered }),
        facts: {
          storms,
          unknown: verdict.unknown,
          'lost leases': redelivered,
          'result told ms': told,
        },
      }
    }),
})

/** Row 16: every call of the producer, cut at every byte of its reply; and those of all workers. */
export const cutReplies = row({
  id: '16',
  fault: 'replies are cut mid-flight, at every byte',
  expected: 'a repeated send makes no second message, a repeated settle is one; nothing lost',
  engines,
  sizes: {
    A: { sweeps: 1, longest: 60 },
    B: { sweeps: 3, longest: 400 },
    C: { sweeps: 100, longest: 400 },
  },
  run: (options, { sweeps, longest }) =>
    onStage(
      options,
      { name: 'cut-replies', workers, redis: { proxies: workers } },
      async (stage) => {
        await stage.start()
        for (let sweep = 0; sweep < sweeps; sweep++) {
          for (let bytes = 0; bytes <= longest; bytes++) {
            const cut = stage.redis.proxy()
            cut.cutReplyAfter(bytes)
            stage.redis.proxy(bytes % workers).cutReplyAfter(bytes * (1 + stage.draw(4)))
            await stage.sendWork(8, { unsure: true, ms: 60 })
            if (bytes % 100 === 99) options.log(`cut after ${bytes} bytes`)
          }
        }
        await stage.drain()
        const { verdict, entries } = await stage.judge()
        const redelivered = entries.filter((e) => e.kind === 'claim' && e.redeliveries > 0).length
        return {
          verdict,
          faults: shortfalls(verdict, { duplicates: redelivered }),
          facts: {
            cuts: sweeps * (longest + 1),
            unknown: verdict.unknown,
            'lost leases': redelivered,
          },
        }
      },
    ),
})

/** A partition between one worker and the server, for two leases; the others go on. */
function partitioned(
  options: StageOptions,
  of: {
    readonly name: string
    readonly times: number
    readonly ways: readonly (readonly Direction[])[]
  },
): Promise<Outcome> {
  const { name, times, ways } = of
  return onStage(options, { name, workers, redis: { proxies: workers } }, async (stage) => {
    await stage.start()
    const over = times * (2 * shortLease + 500)
    const sending = stage.sendWork(times * 200, { over, ms: 600, batch: 20, unsure: true })
    for (let i = 0; i < times; i++) {
      await pause(300 + stage.draw(400))
      const member = stage.worker()
      const proxy = stage.redis.proxy(member.no)
      const heal = stage.cutOff([member])
      proxy.set({ stalled: ways[i % ways.length] ?? [] })
      await pause(2 * shortLease)
      // Half of them heal; of the others nothing is ever heard again.
      if (i % 2 === 0) proxy.heal()
      else proxy.abandon()
      await settles(stage, member.pid)
      heal()
      if (i % 10 === 9) options.log(`${name}: ${i + 1} of ${times}`)
    }
    await sending
    await stage.drain()
    const { verdict, entries } = await stage.judge()
    const refused = entries.filter(
      (e) => e.kind === 'settled' && (e.status === 'taken' || e.status === 'gone'),
    ).length
    const told = entries.filter(({ kind }) => kind === 'lost').length
    const also = {
      'others took what it held': entries.some((e) => e.kind === 'claim' && e.redeliveries > 0),
    }
    return {
      verdict,
      faults: shortfalls(verdict, { duplicates: verdict.shadows + refused + told, also }),
      facts: { partitions: times, 'refused settles': refused, 'told lost': told },
    }
  })
}

/** Resolves when this worker settles again; a minute is given to the deadlines of its calls. */
async function settles(stage: Stage, pid: number): Promise<void> {
  const count = (): number => stage.count((e) => e.kind === 'settled' && e.pid === pid)
  const before = count()
  const end = performance.now() + 60_000
  while (count() === before) {
    if (performance.now() > end) throw new Error('a worker does not come back from a partition')
    if (stage.fleet.members.length > 0) await stage.sendWork(20, { unsure: true, ms: 60 })
    await pause(250)
  }
}

/** Row 17. */
export const silentPartitions = row({
  id: '17',
  fault: 'silent partition of a worker, for two leases; half of its connections never heal',
  expected: 'rescued by others; what it settles is refused; it comes back by itself',
  engines,
  sizes: { A: { times: 2 }, B: { times: 12 }, C: { times: 200 } },
  run: (options, { times }) =>
    partitioned(options, { name: 'partition', times, ways: [['up', 'down']] }),
})

/** Row 18. */
export const oneWayPartitions = row({
  id: '18',
  fault: 'one-way partition of a worker, for two leases',
  expected: 'as 17',
  engines,
  sizes: { A: { times: 2 }, B: { times: 12 }, C: { times: 200 } },
  run: (options, { times }) =>
    partitioned(options, { name: 'one-way', times, ways: [['up'], ['down']] }),
})
