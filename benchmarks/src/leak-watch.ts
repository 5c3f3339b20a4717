import { payload } from './message.ts'
import { collectedHeap, Meter } from './meter.ts'
import { slope } from './statistics.ts'
import type { Leak, Report, Step } from './steps.ts'
import type { Subject } from './subject.ts'

/** Looks at the heap so many times. */
const looks = 20
const page = 500
/** Tasks on their way at most, so that the queue itself does not fill the heap. */
const ahead = 2000

/**
 * Sends and runs tasks in one process, always a few on their way, and looks at the collected heap each
 * twentieth of them. The first quarter is the program's growing up; what counts is the slope after it.
 */
export async function watchLeaks(
  subject: Subject,
  { tasks, concurrency }: Step & { kind: 'leak' },
): Promise<Report> {
  const heap: number[] = []
  const handles: number[] = []
  const listeners: number[] = []
  let handled = 0
  let wake: () => void = () => {}
  const onHandled = (): void => {
    handled++
    wake()
  }
  const untilHandled = async (count: number): Promise<void> => {
    while (handled < count) await new Promise<void>((resolve) => (wake = resolve))
  }
  const look = (): void => {
    heap.push(collectedHeap())
    handles.push(process.getActiveResourcesInfo().length)
    listeners.push(listenerCount())
  }
  const meter = new Meter()
  const serving = await subject.serve({ concurrency, prefetch: 100, sleep: 0, onHandled })
  const every = Math.max(page, Math.floor(tasks / looks / page) * page)
  for (let sent = 0; sent < tasks;) {
    await subject.sendMany(Array.from({ length: page }, () => payload))
    sent += page
    await untilHandled(sent - ahead)
    if (sent % every !== 0) continue
    await untilHandled(sent)
    while (serving.settled() < sent) await new Promise((resolve) => setTimeout(resolve, 1))
    look()
  }
  const report = meter.read(tasks)
  await serving.stop()
  const late = heap.slice(Math.ceil(heap.length / 4))
  const leak: Leak = {
    heap,
    bytesPerThousand: (slope(late) / every) * 1000,
    handles: ends(handles),
    listeners: ends(listeners),
  }
  return { ...report, leak }
}

/** Listeners of this process, as far as anybody can see them. */
function listenerCount(): number {
  const count = (emitter: NodeJS.EventEmitter): number =>
    emitter.eventNames().reduce((sum, name) => sum + emitter.listenerCount(name), 0)
  return count(process) + count(process.stdout) + count(process.stderr)
}

function ends(values: readonly number[]): [number, number] {
  return [values[0] ?? 0, values.at(-1) ?? 0]
}
