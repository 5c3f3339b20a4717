/**
 * Negative controls: the protocol with a part taken away. Each must be found wanting; a control that
 * passes says that the checker, or the fault, is blind.
 */
import type { Anomaly, Verdict } from './checker.ts'
import type { EngineName } from './engines.ts'
import { stopAndContinue } from './rows/stopped-workers.ts'
import { onStage, shortLease, type Setting, type Stage, type StageOptions } from './stage.ts'
import { pause } from './worker/pause.ts'
import { send } from './worker/tasks.ts'

/** One control. */
export interface Control {
  readonly id: string
  readonly without: string
  readonly engines: readonly EngineName[]
  /** At least one of these must be found. */
  readonly mustFind: readonly Anomaly[]
  run(options: StageOptions): Promise<Verdict>
}

/** All of them. */
export const controls: readonly Control[] = [
  control({
    id: 'early-ack',
    without: 'late acknowledgement: a message ends before it runs',
    mustFind: ['lost'],
    setting: { worker: { ack: 'early' } },
    play: (stage) => killAFew(stage, 4),
  }),
  control({
    id: 'no-renewal',
    without: 'renewal of leases, under tasks that are longer',
    mustFind: ['overlaps'],
    setting: { variant: 'no-renewal', worker: { redeliveries: 1 } },
    async play(stage) {
      await stage.sendWork(30, { ms: 2 * shortLease })
    },
  }),
  control({
    id: 'no-fence',
    without: 'fencing, under SIGSTOP',
    mustFind: ['staleSettles'],
    setting: { variant: 'no-fence' },
    async play(stage) {
      const sending = stage.sendWork(300, {
        over: 3 * 2 * shortLease,
        ms: 2 * shortLease,
        batch: 25,
      })
      await stopAndContinue(stage, 3)
      await sending
    },
  }),
  control({
    id: 'counter',
    without: 'sets: members are counted instead',
    mustFind: ['premature'],
    setting: { join: 'counter', worker: { prefetch: 0 } },
    async play(stage) {
      // The last of a set comes later than whoever was counted and killed has run again, one suspect at a time: he is
      // counted twice by then, and the last one is missing.
      for (let i = 0; i < 8; i++) {
        const id = stage.id('g')
        await send(stage.ledger, { kind: 'attempt', id }, () =>
          stage.tasks.fanOut
            .kicker()
            .withTaskId(id)
            .kiq(20, shortLease / 2, 4 * shortLease),
        )
      }
      await killAFew(stage, 6)
    },
  }),
  control({
    id: 'no-reclaim',
    without: 'taking back ended leases: a lost hand-over is lost, not late',
    mustFind: ['lost'],
    setting: { transport: { maintenance: false }, variant: 'no-reclaim' },
    play: (stage) => killAFew(stage, 2),
  }),
]

async function killAFew(stage: Stage, kills: number): Promise<void> {
  const sending = stage.sendWork(1000, { over: kills * 500 })
  for (let i = 0; i < kills; i++) {
    await pause(300 + stage.draw(300))
    const member = stage.worker()
    stage.fleet.strike(member, 'SIGKILL', 'kill')
    await member.gone
    stage.fleet.start(member.no)
  }
  await sending
}

function control({
  setting,
  play,
  ...rest
}: Omit<Control, 'engines' | 'run'> & {
  readonly setting: Omit<Setting, 'name'>
  readonly play: (stage: Stage) => Promise<void>
}): Control {
  return {
    ...rest,
    engines: ['sqlite', 'redis'],
    run: (options) =>
      onStage(options, { ...setting, name: `control-${rest.id}` }, async (stage) => {
        await stage.start()
        await play(stage)
        // What must be found is found early; the rest need not be waited for.
        await Promise.race([stage.drain(3 * shortLease), pause(10 * shortLease)])
        return (await stage.judge({ may: true })).verdict
      }),
  }
}
