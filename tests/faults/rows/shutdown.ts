/** Rows 3 to 5: `taskwright worker` is told to stop. */
import { CliWorkers } from '../cli-fleet.ts'
import { shortfalls } from '../expectations.ts'
import { row } from '../row.ts'
import { onStage, shortLease, type Stage } from '../stage.ts'
import type { Entry } from '../worker/ledger.ts'
import { pause } from '../worker/pause.ts'
import { send, type Stubbornness } from '../worker/tasks.ts'

const shutdownTimeout = 2000
/** Beyond it: the grace of aborted handlers, and the end of two processes on a busy machine. */
const exitBound = shutdownTimeout + 5000 + 3000

function startCli(stage: Stage, flags: readonly string[] = []): CliWorkers {
  return new CliWorkers({
    program: stage.options.program,
    ledger: stage.ledger,
    plan: { ledger: stage.folder, transport: stage.transport },
    flags: [
      `--lease=${shortLease}ms`,
      '--concurrency=20',
      '--prefetch=20',
      `--shutdown-timeout=${shutdownTimeout}ms`,
      ...flags,
    ],
  })
}

/** Row 3: one after the other, while tasks run. */
export const rollingDeploys = row({
  id: '3',
  fault: 'SIGTERM, rolling deploy',
  expected: 'nothing lost, nothing run twice, no attempt used up, exit within the timeout',
  engines: ['sqlite', 'redis'],
  sizes: { A: { rolls: 4 }, B: { rolls: 50 }, C: { rolls: 500 } },
  run: (options, { rolls }) =>
    onStage(options, { name: 'rolls', workers: 0 }, async (stage) => {
      await stage.start()
      const slow: number[] = []
      let present = [startCli(stage, ['--workers=2']), startCli(stage, ['--workers=2'])]
      await Promise.all(present.map((cli) => cli.until(/^ready$/, 2)))
      for (let roll = 0; roll < rolls; roll++) {
        await Promise.all([stage.sendWork(60, { ms: 500 }), stage.sendWork(4, { ms: 5000 })])
        await pause(stage.draw(500))
        const next = startCli(stage, ['--workers=2'])
        await next.until(/^ready$/, 2)
        const [old, other] = present
        if (old === undefined || other === undefined) throw new Error('there are two at a time')
        old.signal('SIGTERM')
        const { how, milliseconds } = await old.end()
        if (how !== 'exit 0') throw new Error(`a drained worker ended with ${how}: ${old.tail}`)
        slow.push(milliseconds)
        present = [other, next]
      }
      await stage.drain()
      for (const cli of present) cli.signal('SIGTERM')
      await Promise.all(present.map((cli) => cli.end()))
      const { verdict, entries } = await stage.judge()
      const longest = Math.max(...slow)
      const redelivered = entries.filter((e) => e.kind === 'claim' && e.redeliveries > 0).length
      const also = {
        'no lease was lost': redelivered === 0,
        'no attempt was used up': entries.every((e) => e.kind !== 'claim' || e.retries === 0),
        [`each drained within ${exitBound} ms (the longest took ${longest})`]: longest <= exitBound,
      }
      return {
        verdict,
        faults: shortfalls(verdict, { duplicates: 0, also }),
        facts: { rolls, 'longest drain ms': longest },
      }
    }),
})

/** Row 4: a task hears no abort, or blocks its loop. */
export const stubbornTasks = row({
  id: '4',
  fault: 'SIGTERM with a task that ignores it',
  expected: 'ended at the deadline; the task runs once more; others unaffected',
  engines: ['sqlite', 'redis'],
  sizes: { A: { rounds: 1 }, B: { rounds: 10 }, C: { rounds: 50 } },
  run: (options, { rounds }) =>
    onStage(options, { name: 'stubborn', workers: 0 }, async (stage) => {
      await stage.start()
      const faults: string[] = []
      const ids: string[] = []
      for (let round = 0; round < rounds; round++) {
        for (const way of ['never', 'block'] satisfies Stubbornness[]) {
          const cli = startCli(stage, ['--workers=1'])
          await cli.until(/^ready$/)
          const id = stage.id(way)
          ids.push(id)
          await stage.sendWork(40)
          await send(stage.ledger, { kind: 'attempt', id }, () =>
            stage.tasks.stubborn.kicker().withTaskId(id).kiq(way),
          )
          await stage.started(id)
          cli.signal('SIGTERM')
          const { how, milliseconds } = await cli.end()
          // A blocked loop is looked at when the drain and its settling time are over.
          const bound = way === 'never' ? exitBound : shutdownTimeout + 15_000 + 10_000 + 8000
          if (how !== 'exit 0') faults.push(`${way}: it ended with ${how}: ${cli.tail}`)
          if (milliseconds > bound) faults.push(`${way}: it took ${milliseconds} ms to end`)
        }
      }
      const last = startCli(stage, ['--workers=1'])
      await stage.drain()
      last.signal('SIGTERM')
      await last.end()
      const { verdict, entries } = await stage.judge()
      const runs = ids.map((id) => entries.filter((e) => e.kind === 'start' && e.id === id).length)
      const also = { 'each ran twice': runs.every((count) => count === 2) }
      return { verdict, faults: [...faults, ...shortfalls(verdict, { also })], facts: {} }
    }),
})

/** How many messages had four holders that were killed: their budget of redeliveries is spent. */
function struckTooOften(entries: readonly Entry[]): number {
  const killed = new Set(
    entries.flatMap((e) => (e.kind === 'gone' && e.how !== 'exit 0' ? [e.target] : [])),
  )
  const struck = new Map<string, number>()
  for (const e of entries) {
    if (e.kind === 'claim' && killed.has(e.pid)) struck.set(e.id, (struck.get(e.id) ?? 0) + 1)
  }
  return [...struck.values()].filter((times) => times >= 4).length
}

/** Row 5: signals come twice and three times, and others than SIGTERM. */
export const manySignals = row({
  id: '5',
  fault: 'double and triple signals, SIGINT, SIGHUP',
  expected: 'no hang, nothing lost, nothing given back twice',
  engines: ['sqlite', 'redis'],
  sizes: { A: { rounds: 1 }, B: { rounds: 10 }, C: { rounds: 40 } },
  run: (options, { rounds }) =>
    onStage(options, { name: 'signals', workers: 0 }, async (stage) => {
      const bursts: readonly (readonly NodeJS.Signals[])[] = [
        ['SIGTERM', 'SIGTERM'],
        ['SIGINT', 'SIGTERM', 'SIGINT', 'SIGTERM', 'SIGINT'],
        ['SIGHUP', 'SIGHUP', 'SIGTERM', 'SIGTERM'],
        ['SIGINT', 'SIGHUP', 'SIGINT'],
      ]
      await stage.start()
      const faults: string[] = []
      for (let round = 0; round < rounds; round++) {
        for (const burst of bursts) {
          const cli = startCli(stage, ['--workers=2'])
          await cli.until(/^ready$/, 2)
          await Promise.all([stage.sendWork(60, { ms: 300 }), stage.sendWork(4, { ms: 4000 })])
          for (const signal of burst) {
            cli.signal(signal)
            await pause(100)
          }
          const { how, milliseconds } = await cli.end()
          const after = `after ${burst.join(', ')}`
          if (how !== 'exit 0' && how !== 'exit 130') faults.push(`${how} ${after}: ${cli.tail}`)
          if (milliseconds > exitBound) faults.push(`it took ${milliseconds} ms ${after}`)
        }
      }
      const last = startCli(stage, ['--workers=2'])
      await stage.drain()
      last.signal('SIGTERM')
      await last.end()
      const { verdict, entries } = await stage.judge()
      const released = entries.flatMap((e) =>
        e.kind === 'released' && e.status === 'settled' ? [`${e.id} ${e.token}`] : [],
      )
      const also = { 'nothing was given back twice': new Set(released).size === released.length }
      // A third signal ends at once, with work in hand: as many duplicates as that, and what is struck
      // each time is taken for poison.
      const duplicates = verdict.inFlight
      const poison = Math.min(verdict.dead['poison'] ?? 0, struckTooOften(entries))
      return {
        verdict,
        faults: [...faults, ...shortfalls(verdict, { also, duplicates, dead: { poison } })],
        facts: { kills: verdict.kills },
      }
    }),
})
