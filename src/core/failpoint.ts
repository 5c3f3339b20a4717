import { seededRandom } from './random.ts'

/**
 * The places where a fault can be made to strike, in the order in which a message meets them. Each lies
 * at an `await` of receive, run or settle, or between two writes of one transaction.
 */
export const failpointNames = [
  'receive.before',
  'receive.claimed',
  'recover.before',
  'recover.claimed',
  'receive.taken',
  'run.admitted',
  'run.acknowledged',
  'run.started',
  'run.arguments',
  'run.dependencies',
  'run.ended',
  'run.committed',
  'finish.before',
  'finish.encoded',
  'finish.cancelled',
  'finish.saved',
  'finish.after',
  'settle.before',
  'settle.result-saved',
  'settle.after',
  'give-back.before',
  'give-back.after',
  'stop.before',
  'stop.received',
  'stop.idle',
  'sqlite.begin',
  'sqlite.between',
  'sqlite.claim.moved',
  'sqlite.claim.between',
  'sqlite.settle.ended',
  'sqlite.settle.result',
  'sqlite.extend.between',
  'sqlite.commit.before',
  'sqlite.commit.after',
  'sqlite.created',
  'redis.call',
  'redis.answered',
  'redis.read',
] as const

/** One of {@link failpointNames}. */
export type FailpointName = (typeof failpointNames)[number]

/** What strikes there. */
type Action = 'kill' | 'throw' | 'stop' | 'exit'

interface Armed {
  readonly action: Action
  /** Only this hit, counted from 1; absent: each. */
  readonly nth: number | undefined
  /** How likely each hit is to strike. */
  readonly chance: number
  hits: number
}

/** What a failpoint needs of the process. Not Node's type: core knows no platform. */
export interface FailpointProcess {
  readonly pid: number
  readonly env: Readonly<Record<string, string | undefined>>
  kill(pid: number, signal: string): unknown
  exit(code: number): unknown
}

/**
 * Reads `TASKWRIGHT_FAILPOINT`: `name:action`, several with commas. The action is `kill` (SIGKILL),
 * `stop` (SIGSTOP), `exit` (in a thread: of that thread) or `throw`; `@3` behind it strikes at the third
 * hit only, `~0.01` at one hit in a hundred, by `TASKWRIGHT_FAILPOINT_SEED`.
 *
 * @throws RangeError for a name or an action that is not known: a test of faults without a fault
 * would pass.
 */
export function armFailpoints(process: FailpointProcess): (name: FailpointName) => void {
  const armed = new Map(
    (process.env['TASKWRIGHT_FAILPOINT'] ?? '').split(',').map((text) => readFailpoint(text)),
  )
  const random = seededRandom(Number(process.env['TASKWRIGHT_FAILPOINT_SEED'] ?? 0))
  return (name) => {
    const point = armed.get(name)
    if (point === undefined) return
    point.hits++
    if (point.nth !== undefined && point.nth !== point.hits) return
    if (point.chance < 1 && random.next() >= point.chance) return
    strike(process, name, point.action)
  }
}

/**
 * Does nothing, unless the environment armed this name when the process started. Tests of faults kill
 * the process here.
 */
export const failpoint: (name: FailpointName) => void = own()

function own(): (name: FailpointName) => void {
  const { process } = globalThis as { process?: FailpointProcess }
  return process?.env['TASKWRIGHT_FAILPOINT'] === undefined ? () => {} : armFailpoints(process)
}

function readFailpoint(text: string): [FailpointName, Armed] {
  const parts = /^([\w.-]+):(kill|throw|stop|exit)(?:@(\d+))?(?:~(0?\.\d+|1))?$/.exec(text.trim())
  const name = failpointNames.find((known) => known === parts?.[1])
  if (parts === null || name === undefined) {
    throw new RangeError(
      `TASKWRIGHT_FAILPOINT: '${text}' is not NAME:ACTION with an action of kill, throw, stop or exit (and @N, ~SHARE), ` +
        `or its name is none of ${failpointNames.join(', ')}.`,
    )
  }
  const [, , action, nth, chance] = parts
  return [
    name,
    {
      action: action as Action,
      nth: nth === undefined ? undefined : Number(nth),
      chance: Number(chance ?? 1),
      hits: 0,
    },
  ]
}

function strike(process: FailpointProcess, name: FailpointName, action: Action): void {
  switch (action) {
    case 'kill':
      process.kill(process.pid, 'SIGKILL')
      break
    case 'stop':
      process.kill(process.pid, 'SIGSTOP')
      break
    case 'exit':
      process.exit(1)
      break
    case 'throw':
      throw new Error(`failpoint '${name}'`)
  }
}
