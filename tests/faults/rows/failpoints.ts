/** Row 2: workers are killed at every failpoint. */
import { failpointNames, type FailpointName } from '../../../src/core/failpoint.ts'
import type { Verdict } from '../checker.ts'
import { shortfalls } from '../expectations.ts'
import type { Member } from '../fleet.ts'
import { row, type Outcome } from '../row.ts'
import { onStage, type Setting, type Stage, type StageOptions } from '../stage.ts'
import { pause } from '../worker/pause.ts'
import { send } from '../worker/tasks.ts'

/** How a failpoint is reached. */
interface Scenario {
  /** What the environment arms. Default: the point itself, at a hit from the first to the tenth. */
  readonly arm?: string | undefined
  /** What makes the armed worker come to it. Default: the work that all have. */
  readonly provoke?: ((stage: Stage, armed: Member) => Promise<void>) | undefined
}

/** A store and worker under which points are reached, and those points. */
interface Act {
  readonly setting: Setting
  readonly points: Partial<Record<FailpointName, Scenario>>
  /** Who acknowledges before he runs loses what he runs; a retry is then a new message of the same id. */
  readonly early?: boolean | undefined
  /** Whether tasks send others: with results elsewhere, an id that has ended is not known any more. */
  readonly families?: boolean | undefined
}

const plain: Scenario = {}
/** It comes at the end of a worker's life, with work in hand. */
const atStop = (point: FailpointName): Scenario => ({
  arm: `${point}:kill`,
  async provoke(stage, armed) {
    await stage.sendWork(60, { ms: 300 })
    await pause(50)
    stage.fleet.strike(armed, 'SIGTERM', 'drain')
  },
})

/** Answers of the store are lost, so that the receiver looks for what may be its own. */
const unsure = (point: FailpointName): Scenario => ({
  arm: `sqlite.commit.after:throw~0.1,redis.read:throw~0.3,${point}:kill`,
})

/**
 * A suspect comes first, so it is what each armed worker runs first: the budget is not the subject
 * here (row 10). Small hands, because what a dead worker held is run one at a time.
 */
const worker = {
  redeliveries: 1000,
  concurrency: 6,
  prefetch: 6,
  shutdownTimeout: 100,
  grace: 100,
}

const acts: readonly Act[] = [
  {
    setting: { name: 'failpoints', worker },
    families: true,
    points: {
      'receive.before': plain,
      'receive.claimed': plain,
      'receive.taken': plain,
      'recover.before': unsure('recover.before'),
      'recover.claimed': unsure('recover.claimed'),
      'run.admitted': plain,
      'run.started': plain,
      'run.arguments': plain,
      'run.dependencies': plain,
      'run.ended': plain,
      'run.committed': { arm: 'run.committed:kill', provoke: commitUntilGone },
      'finish.before': plain,
      'finish.encoded': plain,
      'finish.cancelled': { arm: 'finish.cancelled:kill', provoke: cancelWhileBlocked },
      'finish.after': plain,
      'settle.before': plain,
      'settle.after': plain,
      'give-back.before': atStop('give-back.before'),
      'give-back.after': atStop('give-back.after'),
      'stop.before': atStop('stop.before'),
      'stop.received': atStop('stop.received'),
      'stop.idle': atStop('stop.idle'),
      'sqlite.begin': plain,
      'sqlite.between': plain,
      'sqlite.claim.moved': plain,
      'sqlite.claim.between': plain,
      'sqlite.settle.ended': plain,
      'sqlite.settle.result': plain,
      'sqlite.extend.between': plain,
      'sqlite.commit.before': plain,
      'sqlite.commit.after': plain,
      'redis.call': plain,
      'redis.answered': plain,
      'redis.read': { arm: 'redis.read:kill' },
    },
  },
  {
    setting: { name: 'failpoints-split', worker, splitResults: true },
    points: { 'settle.result-saved': plain, 'finish.after': plain },
  },
  {
    setting: { name: 'failpoints-early', worker: { ...worker, ack: 'early' } },
    points: { 'run.acknowledged': plain, 'finish.saved': plain },
    early: true,
  },
]

/** Row 2. */
export const failpointKills = row({
  id: '2',
  fault: 'worker SIGKILL at every failpoint',
  expected: 'nothing lost; one result each; callbacks once, and after all of their set',
  engines: ['sqlite', 'redis'],
  sizes: { A: { each: 3 }, B: { each: 30 }, C: { each: 300 } },
  async run(options, { each }) {
    const outcomes = [await killedAtCreation(options, each)]
    for (const act of acts) outcomes.push(await play(options, act, each))
    const points = acts.flatMap((act) => Object.keys(act.points))
    const missing = failpointNames.filter(
      (name) => name !== 'sqlite.created' && !points.includes(name) && exists(options, name),
    )
    return {
      faults: [
        ...outcomes.flatMap(({ faults }) => faults),
        ...missing.map((name) => `no scenario reaches ${name}`),
      ],
      facts: Object.assign({}, ...outcomes.map(({ facts }) => facts)) as Outcome['facts'],
      verdict: outcomes[1]?.verdict,
    }
  },
})

/** Whether an engine has this point: each has some of its own, and a transaction of the user only SQL has. */
function exists({ engine }: StageOptions, point: string): boolean {
  const [of = ''] = point.split('.')
  if (of === 'sqlite' || of === 'redis') return of === engine.name
  return point !== 'run.committed' || engine.name === 'sqlite'
}

function play(options: StageOptions, act: Act, each: number): Promise<Outcome> {
  return onStage(options, act.setting, async (stage) => {
    await stage.start()
    const kills = Object.entries(act.points)
      .filter(([point]) => exists(options, point))
      .flatMap(([point, scenario]) =>
        Array.from({ length: each }, () => ({ point: point as FailpointName, scenario })),
      )
    shuffle(kills, stage)
    const feed = feedUntilTold(stage, act)
    const missed: string[] = []
    let done = 0
    const line = async (no: number): Promise<void> => {
      for (let kill = kills.pop(); kill !== undefined; kill = kills.pop()) {
        let how = ''
        // What leads there is partly chance: it may find nothing in hand, or die of the way.
        for (let tries = 0; tries < 4 && how !== 'SIGKILL'; tries++)
          how = await strike(stage, no, kill)
        if (how !== 'SIGKILL') missed.push(`${kill.point} was never reached: ${how}`)
        if (++done % 20 === 0) options.log(`${act.setting.name}: ${done} kills`)
      }
      stage.fleet.start(no)
    }
    // Two of the four go on; the others are replaced by armed ones, one after the other.
    for (const member of stage.fleet.members.filter(({ no }) => no >= 2)) {
      stage.fleet.strike(member, 'SIGKILL', 'kill')
      await member.gone
    }
    await Promise.all([line(2), line(3)])
    await feed.end()
    await stage.drain()
    const { verdict } = await stage.judge()
    return {
      verdict,
      faults: [...shortfallsOf(act, verdict), ...missed],
      facts: { [`kills ${act.setting.name}`]: verdict.kills, ...factsOf(act, verdict) },
    }
  })
}

function shortfallsOf({ early = false }: Act, verdict: Verdict): string[] {
  if (!early) return shortfalls(verdict)
  const { lost, kills, duplicates } = verdict
  // At most what a worker runs at once.
  const bound = kills * 20
  return shortfalls(verdict, {
    allowed: ['lost', 'doubleSettled', 'runAfterEnd'],
    allSucceed: false,
    duplicates,
    also: { [`${lost.length} lost, at most ${bound}`]: lost.length <= bound },
  })
}

function factsOf({ early, setting }: Act, { lost }: Verdict): Outcome['facts'] {
  return early === true ? { [`lost ${setting.name}`]: lost.length } : {}
}

/** Starts an armed worker and waits for its death; what it died of, `SIGKILL` where the point was reached. */
async function strike(
  stage: Stage,
  no: number,
  { point, scenario }: { point: FailpointName; scenario: Scenario },
): Promise<string> {
  const member = stage.fleet.start(no, {
    TASKWRIGHT_FAILPOINT: scenario.arm ?? `${point}:kill@${1 + stage.draw(10)}`,
    TASKWRIGHT_FAILPOINT_SEED: String(stage.draw(1_000_000)),
  })
  if (scenario.provoke !== undefined) {
    await member.ready.catch(() => {})
    await scenario.provoke(stage, member)
  }
  const how = await Promise.race([member.gone, pause(15_000)])
  if (how !== undefined) return String(how)
  stage.fleet.strike(member, 'SIGKILL', 'kill')
  await member.gone
  return 'it lived on'
}

/** Keeps work of all kinds coming until it is told to end. */
function feedUntilTold(stage: Stage, act: Act): { end(): Promise<void> } {
  let ended = false
  const feeding = (async () => {
    while (!ended) {
      await sendSome(stage, act)
      await pause(150)
    }
  })()
  return {
    async end() {
      ended = true
      await feeding
    },
  }
}

async function sendSome(stage: Stage, { families = false }: Act): Promise<void> {
  const { ledger, tasks } = stage
  const group = stage.id('g')
  const flaky = stage.id('f')
  await Promise.all([
    stage.sendWork(20),
    // Long enough for their lease to be renewed.
    stage.sendWork(2, { ms: 1800 }),
    families &&
      send(ledger, { kind: 'attempt', id: group }, () =>
        tasks.fanOut.kicker().withTaskId(group).kiq(4, 20),
      ),
    send(ledger, { kind: 'attempt', id: flaky }, () =>
      tasks.flaky.kicker().withTaskId(flaky).kiq(stage.draw(3)),
    ),
  ])
}

async function commitUntilGone(stage: Stage, armed: Member): Promise<void> {
  for (let tries = 0; tries < 100 && stage.fleet.members.includes(armed); tries++) {
    const id = stage.id('c')
    await send(stage.ledger, { kind: 'attempt', id }, () =>
      stage.tasks.committing.kicker().withTaskId(id).kiq(),
    )
    await pause(50)
  }
}

/**
 * Cancels what blocks its loop, so that its holder hears of it when it settles. Each try blocks a little
 * longer: on a busy machine the word that it runs comes late.
 */
async function cancelWhileBlocked(stage: Stage, armed: Member): Promise<void> {
  for (let tries = 0; tries < 200 && stage.fleet.members.includes(armed); tries++) {
    const id = stage.id('b')
    await send(stage.ledger, { kind: 'attempt', id }, () =>
      stage.tasks.busy
        .kicker()
        .withTaskId(id)
        .kiq(150 + 5 * tries),
    )
    const handle = stage.broker.handle(id)
    for (let i = 0; i < 200 && (await handle.status()) === 'queued'; i++) await pause(5)
    await handle.cancel('in the middle')
  }
}

function shuffle<T>(list: T[], stage: Stage): void {
  for (let i = list.length - 1; i > 0; i--) {
    const j = stage.draw(i + 1)
    const [a, b] = [list[i], list[j]]
    if (a === undefined || b === undefined) continue
    list[i] = b
    list[j] = a
  }
}

/** A process that dies while it makes the file leaves none, or a good one. */
async function killedAtCreation(options: StageOptions, each: number): Promise<Outcome> {
  const faults: string[] = []
  if (options.engine.name !== 'sqlite') return { faults, facts: {} }
  for (let i = 0; i < each; i++) {
    const { faults: found } = await onStage(options, { name: 'creation' }, async (stage) => {
      const armed = stage.fleet.start(0, { TASKWRIGHT_FAILPOINT: 'sqlite.created:kill' })
      const how = await armed.gone
      await stage.start()
      await stage.sendWork(50)
      await stage.drain()
      const { verdict } = await stage.judge()
      const also = { 'the process died while it made the file': how === 'SIGKILL' }
      return { faults: shortfalls(verdict, { also }) }
    })
    faults.push(...found)
  }
  return { faults, facts: { 'kills creation': each } }
}
