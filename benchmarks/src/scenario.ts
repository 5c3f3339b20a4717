import type { BenchEngine } from './engine.ts'
import type { Peer } from './peers/peer.ts'
import type { Children } from './spawn-child.ts'
import type { Report, Step, SubjectName } from './steps.ts'

/** Something to be measured: `taskwright`, `raw` or a peer, on an engine. */
export interface Contender {
  readonly peer: string
  readonly engine: BenchEngine
  /** Absent for ourselves and for the bare loop. */
  readonly library?: Peer
}

/** What one run came to. */
export interface Sample {
  /** Absent where a rate says nothing. */
  readonly perSecond?: number
  /** CPU in microseconds per task. */
  readonly client?: number
  readonly store?: number
  /** Everything else that is shown or kept, by name; see `factNames`. */
  readonly facts?: Readonly<Record<string, number>>
}

/** One line of a table: the same work for every contender. */
export interface Line {
  readonly label: string
  readonly concurrency: number | null
  readonly prefetch: number | null
  readonly results: boolean
  readonly tasks: number
  /** Contenders without it are left out. */
  takesPart(contender: Contender): boolean
  /** The limit where it is not the bare loop: tasks per second. */
  readonly ideal?: number
  /** The facts that are printed, in their order. */
  readonly shown?: readonly string[]
  /** The most rounds that say more than those before. Default: as many as are asked for. */
  readonly rounds?: number
  run(bench: Bench, contender: Contender): Promise<Sample>
}

/** A question that the benchmark answers. */
export interface Scenario {
  readonly name: string
  readonly title: string
  /** Runs only when it is named. */
  readonly onRequest?: boolean
  lines(size: SizeOf): readonly Line[]
}

/** How many tasks a run has whose full size is `full`. */
export type SizeOf = (full: number) => number

/** What a line works with. */
export interface Bench {
  readonly children: Children
  /** Where stores are made. */
  readonly folder: string
}

/** A subject on a place. */
export function nameOf(contender: Contender, place: string, results: boolean): SubjectName {
  return { peer: contender.peer, engine: contender.engine.name, place, results }
}

/** Works on a fresh store, which is removed afterwards. */
export async function onFreshStore<T>(
  { folder }: Bench,
  { engine }: Contender,
  work: (place: string) => Promise<T>,
): Promise<T> {
  const place = await engine.make(folder)
  try {
    return await work(place)
  } finally {
    await engine.remove(place)
  }
}

/** Each step in a process of its own where the engine can be shared, all in one otherwise. */
export async function inTurn(
  { children }: Bench,
  { engine, subject }: { engine: BenchEngine; subject: SubjectName },
  steps: readonly Step[],
): Promise<readonly Report[]> {
  if (!engine.shared) return children.run(subject, steps)
  const reports: Report[] = []
  for (const step of steps) reports.push(...(await children.run(subject, [step])))
  return reports
}

/** The rate and the cost of a report. */
export function rateOf(report: Report): Sample {
  const { tasks, seconds, client, store, rssMb, heapMb } = report
  return { perSecond: tasks / seconds, client, store, facts: { rssMb, heapMb } }
}

/** The last of the reports. @throws Error where there is none. */
export function lastOf(reports: readonly Report[]): Report {
  const last = reports.at(-1)
  if (last === undefined) throw new Error('a child process has measured nothing')
  return last
}

/** How many tasks a contender does of those that are wanted. */
export const tasksOf = ({ library }: Contender, tasks: number): number =>
  Math.min(tasks, library?.most ?? Infinity)

/** How many tasks run before those that are measured. */
export const warmUp = (tasks: number): number => Math.max(1, Math.min(10_000, tasks >> 2))
