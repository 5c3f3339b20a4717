import { setImmediate, setTimeout as sleep } from 'node:timers/promises'
import { watchLeaks } from './leak-watch.ts'
import { payload } from './message.ts'
import { collectedHeap, machineTime, Meter } from './meter.ts'
import type { Report, Step, Way } from './steps.ts'
import type { Serving, Subject } from './subject.ts'

/** What steps work with. */
export interface StepsOf {
  readonly open: () => Promise<Subject>
  readonly openRaw: () => Promise<Subject>
  /** Filled by the subject itself: a peer's messages are its own. */
  readonly ownFill: boolean
  readonly steps: readonly Step[]
  readonly stopAsked: Promise<void>
  readonly onServing: () => void
}

const pageSize = 1000
const together = 100
/** Milliseconds without a task after which a backlog is taken to be done. */
const quiet = 300

/** Does steps one after the other, each on a freshly opened subject; one report for each that measures. */
export async function runSteps(of: StepsOf): Promise<Report[]> {
  const reports: Report[] = []
  const served: (Served & { readonly subject: Subject })[] = []
  for (const step of of.steps) {
    if (step.kind === 'fill') {
      await withSubject(of.ownFill ? of.open : of.openRaw, (subject) =>
        enqueue(subject, 'bulk', step.tasks),
      )
    } else if (step.kind === 'serve') {
      const subject = await of.open()
      served.push({ subject, ...(await serveBeside(subject, step)) })
      of.onServing()
    } else if (step.kind === 'weigh') {
      reports.push(await withSubject(of.openRaw, (subject) => weigh(subject, step.tasks)))
    } else {
      reports.push(await withSubject(of.open, (subject) => measure(subject, step)))
    }
  }
  if (of.steps.at(-1)?.kind === 'serve') await of.stopAsked
  for (const one of served) {
    reports.push(await one.end())
    await one.subject.close()
  }
  return reports
}

type Measured = Exclude<Step, { kind: 'fill' | 'serve' | 'weigh' }>

function measure(subject: Subject, step: Measured): Promise<Report> {
  switch (step.kind) {
    case 'enqueue':
      return measureEnqueue(subject, step)
    case 'process':
      return measureProcess(subject, step)
    case 'request':
      return measureRequests(subject, step)
    case 'spread':
      return measureWide(() => subject.spread?.(step.tasks), step.tasks)
    case 'gather':
      return measureWide(() => subject.gather?.(step.tasks), step.tasks)
    case 'pace':
      return pace(subject, step)
    case 'drain':
      return drain(subject, step)
    case 'leak':
      return watchLeaks(subject, step)
  }
}

async function withSubject<T>(
  open: () => Promise<Subject>,
  work: (subject: Subject) => Promise<T>,
): Promise<T> {
  const subject = await open()
  try {
    return await work(subject)
  } finally {
    await subject.close()
  }
}

async function measureEnqueue(
  subject: Subject,
  { way, tasks, warm }: Step & { kind: 'enqueue' },
): Promise<Report> {
  await enqueue(subject, way, warm)
  const meter = new Meter()
  await enqueue(subject, way, tasks)
  return meter.read(tasks)
}

async function enqueue(subject: Subject, way: Way, tasks: number): Promise<void> {
  if (way === 'single') {
    for (let i = 0; i < tasks; i++) await subject.send(payload)
    return
  }
  const size = way === 'together' ? together : pageSize
  for (let sent = 0; sent < tasks; sent += size) {
    const texts = Array.from({ length: Math.min(size, tasks - sent) }, () => payload)
    await (way === 'together' ? subject.sendTogether(texts) : subject.sendMany(texts))
  }
}

/** From the end of the warm-up until the last of `tasks` has ended in the store. */
async function measureProcess(
  subject: Subject,
  { tasks, warm, concurrency, prefetch, sleep: ms }: Step & { kind: 'process' },
): Promise<Report> {
  const total = warm + tasks
  let meter = new Meter()
  let handled = 0
  let report: Report | undefined
  let allHandled: () => void = () => {}
  const over = new Promise<void>((resolve) => (allHandled = resolve))
  let settled = (): number => 0
  const look = (): void => {
    if (settled() >= total) report ??= meter.read(tasks)
  }
  const onHandled = (): void => {
    if (++handled === warm) meter = new Meter()
    if (handled === total) allHandled()
    // Where there is more to do, a worker may not let the loop turn before all of it is done.
    if (handled > total) look()
  }
  const serving = await subject.serve({ concurrency, prefetch, sleep: ms, onHandled })
  settled = () => serving.settled()
  await over
  for (look(); report === undefined; look()) await setImmediate()
  await serving.stop()
  return report
}

async function measureRequests(
  subject: Subject,
  { tasks, warm, inFlight, flow }: Step & { kind: 'request' },
): Promise<Report> {
  const times: number[] = []
  const round = async (count: number): Promise<void> => {
    let left = count
    const lane = async (): Promise<void> => {
      while (left-- > 0) {
        const at = machineTime()
        if (flow === undefined) await subject.request?.(payload)
        else await subject.flow?.(flow)
        times.push(machineTime() - at)
      }
    }
    await Promise.all(Array.from({ length: inFlight }, lane))
  }
  await round(warm)
  times.length = 0
  const meter = new Meter()
  await round(tasks)
  return { ...meter.read(tasks), times: sorted(times) }
}

async function measureWide(work: () => Promise<void> | undefined, tasks: number): Promise<Report> {
  const meter = new Meter()
  await work()
  return meter.read(tasks)
}

async function pace(
  subject: Subject,
  { tasks, warm, every }: Step & { kind: 'pace' },
): Promise<Report> {
  const meter = new Meter()
  for (let i = 0; i < warm + tasks; i++) {
    // The first ones wake everything up; a worker leaves out what is not a time.
    await subject.send(i < warm ? 'warm' : String(machineTime()))
    await sleep(every)
  }
  // What is under way is still to be counted.
  await sleep(200)
  return meter.read(tasks)
}

/** Runs what is there, beside other processes that do the same. */
async function drain(subject: Subject, step: Step & { kind: 'drain' }): Promise<Report> {
  const served = await serveBeside(subject, { ...step, kind: 'serve' })
  // One that comes late may find nothing left.
  for (let before = -1, empty = 0; served.handled() !== before && empty < 10;) {
    before = served.handled()
    await sleep(quiet)
    if (served.handled() > 0) continue
    before = -1
    empty++
  }
  return served.end()
}

interface Served {
  handled(): number

  end(): Promise<Report>
}

/** A worker beside other steps: notes when each task began, and how long it was on its way. */
async function serveBeside(
  subject: Subject,
  { concurrency, prefetch }: Step & { kind: 'serve' },
): Promise<Served> {
  const times: number[] = []
  let handled = 0
  let firstAt: number | undefined
  let lastAt: number | undefined
  const meter = new Meter()
  const onHandled = (text: string): void => {
    lastAt = machineTime()
    firstAt ??= lastAt
    handled++
    const sent = Number(text)
    if (Number.isFinite(sent)) times.push(lastAt - sent)
  }
  const serving: Serving = await subject.serve({ concurrency, prefetch, sleep: 0, onHandled })
  return {
    handled: () => handled,
    async end() {
      const report = meter.read(Math.max(1, handled))
      await serving.stop()
      return {
        ...report,
        times: sorted(times),
        ...(firstAt === undefined ? {} : { firstAt }),
        ...(lastAt === undefined ? {} : { lastAt }),
      }
    },
  }
}

/** What stored tasks take of the heap, for engines that keep them there. */
async function weigh(subject: Subject, tasks: number): Promise<Report> {
  await enqueue(subject, 'bulk', pageSize)
  const before = collectedHeap()
  const meter = new Meter()
  await enqueue(subject, 'bulk', tasks)
  const report = meter.read(tasks)
  return { ...report, bytesPerTask: (collectedHeap() - before) / tasks }
}

function sorted(values: number[]): number[] {
  return values.sort((a, b) => a - b)
}
