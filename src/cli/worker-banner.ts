import type { WorkerFacts, WorkerPlan } from './child-protocol.ts'
import { safeText } from './safe-text.ts'
import { pad, table } from './table.ts'
import type { Colours } from './terminal.ts'

/** What the banner is made of. */
export interface BannerOptions {
  readonly facts: WorkerFacts
  readonly plan: WorkerPlan
  readonly workers: number
  readonly version: string
  readonly colours: Colours
}

const mostTasks = 50

/** What a worker prints when it starts: engine, queues, concurrency and registered tasks, aligned. */
export function workerBanner({ facts, plan, workers, version, colours }: BannerOptions): string {
  const processes = workers === 1 ? '1 process' : `${workers} processes`
  const lines: [string, string][] = [
    ['engine', safeText(facts.engine)],
    ['queues', facts.queues.map(safeText).join(', ')],
    ['workers', processes],
    ['concurrency', `${plan.concurrency} per process, ${plan.prefetch} prefetched`],
    ['ack', plan.ack],
    [
      'tasks',
      facts.tasks.length === 0
        ? colours.yellow('none: name the files that define them')
        : String(facts.tasks.length),
    ],
  ]
  const titles = lines.map(([title, value]) => `  ${colours.dim(pad(title, 13))}${value}`)
  const shown = facts.tasks.slice(0, mostTasks)
  const tasks = table(
    [{ title: 'name' }, { title: 'queue' }, { title: 'defined at' }],
    shown.map(({ name, queue, definedAt }) => [
      safeText(name),
      safeText(queue),
      safeText(definedAt ?? ''),
    ]),
    colours.dim,
  )
  const more = facts.tasks.length - shown.length
  return [
    '',
    `  ${colours.bold(colours.green('taskwright'))} ${colours.dim(version)}`,
    '',
    ...titles,
    ...(shown.length === 0 ? [] : ['', ...tasks.map((line) => `    ${line}`)]),
    ...(more > 0 ? [`    and ${more} more`] : []),
    '',
    `  ${colours.dim('Ctrl-C drains; a second one gives running tasks back; a third exits at once.')}`,
    '',
  ].join('\n')
}
