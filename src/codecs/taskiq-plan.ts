/**
 * TaskIQ's `ScheduledTask`, the value of a schedule in its sources: task_name, labels (texts), args, kwargs,
 * task_id, schedule_id, cron, cron_offset, time, interval.
 */
import { InvalidInputError, MalformedMessageError, UnsupportedError } from '../core/errors.ts'
import type { SchedulePlan } from '../core/schedule-plan.ts'
import { encodeLabels } from './wire-labels.ts'
import { wireArray, wireObject, optionalText } from './wire-members.ts'

/** What a schedule source of TaskIQ keeps. */
export type TaskiqSchedule = Readonly<Record<string, unknown>>

/** Labels that say the queue of a message (TaskIQ's). */
const queueLabel = 'queue_name'

/** A plan as TaskIQ keeps it. @throws UnsupportedError for what it has no place for. */
export function toTaskiq(plan: SchedulePlan): TaskiqSchedule {
  const { start, end, limit, jitter, overlap, misfire } = plan
  const more = {
    start,
    end,
    limit,
    jitter,
    misfire,
    overlap: overlap === 'allow' ? undefined : overlap,
  }
  const [unkept] = Object.entries(more).find(([, value]) => value !== undefined) ?? []
  if (unkept !== undefined) {
    throw new UnsupportedError(
      `TaskIQ's schedules have no place for \`${unkept}\`: keep this plan in a source of ours.`,
    )
  }
  if (plan.every !== undefined && plan.every % 1000 !== 0) {
    throw new UnsupportedError("TaskIQ's intervals are whole seconds.")
  }
  if (plan.cron !== undefined) checkCron(plan)
  const { labels } = encodeLabels(plan.labels)
  return {
    task_name: plan.task,
    labels: plan.queue === undefined ? labels : { ...labels, [queueLabel]: plan.queue },
    args: plan.args,
    kwargs: plan.kwargs,
    task_id: plan.taskId ?? null,
    schedule_id: plan.id,
    cron: plan.cron ?? null,
    cron_offset:
      plan.cron === undefined || plan.timezone === 'UTC' ? null : (plan.timezone ?? null),
    time: plan.at === undefined ? null : new Date(plan.at).toISOString().replace('Z', '+00:00'),
    interval: plan.every === undefined ? null : plan.every / 1000,
  }
}

/** The plan of a schedule that TaskIQ, or we, have stored. @throws MalformedMessageError, InvalidInputError */
export function fromTaskiq(value: unknown): SchedulePlan {
  const map = wireObject(value, 'schedule')
  const { [queueLabel]: queue, ...labels } = wireObject(map['labels'] ?? {}, 'labels')
  const id = textOf(map, 'schedule_id')
  const task = textOf(map, 'task_name')
  if (id === undefined || task === undefined) {
    throw new MalformedMessageError('it names no schedule_id or no task_name.')
  }
  const taskId = textOf(map, 'task_id')
  return {
    id,
    task,
    args: wireArray(map['args'] ?? [], 'args'),
    kwargs: wireObject(map['kwargs'] ?? {}, 'kwargs'),
    labels: textLabels(labels),
    ...(typeof queue === 'string' ? { queue } : {}),
    ...(taskId === undefined ? {} : { taskId }),
    ...timing(map),
  }
}

/** In TaskIQ's order: cron, then time, then interval. */
function timing(map: Readonly<Record<string, unknown>>): Partial<SchedulePlan> {
  const cron = textOf(map, 'cron')
  if (cron !== undefined) {
    const offset = textOf(map, 'cron_offset')
    return {
      cron,
      dialect: 'taskiq',
      ...(offset === undefined ? {} : { timezone: zoneOfOffset(offset) }),
    }
  }
  const time = textOf(map, 'time')
  if (time !== undefined) {
    // A time without an offset is UTC.
    const at = Date.parse(/(?:Z|[+-]\d\d:?\d\d)$/i.test(time) ? time : `${time}Z`)
    if (Number.isNaN(at)) throw new InvalidInputError(`'${time.slice(0, 64)}' is not a time.`)
    return { at }
  }
  const interval = map['interval']
  if (typeof interval === 'number') return { every: interval * 1000 }
  if (typeof interval === 'string') return { every: isoDuration(interval) }
  throw new InvalidInputError('it has neither cron nor time nor interval.')
}

/** Python writes what is missing as None. */
function textOf(map: Readonly<Record<string, unknown>>, name: string): string | undefined {
  return optionalText(map[name] ?? undefined, name)
}

/** A timedelta that Python stored is an ISO duration: whole hours have a zone of their own. */
function zoneOfOffset(offset: string): string {
  const [, sign, hours] = /^(-?)PT(\d{1,2})H$/.exec(offset) ?? []
  if (hours === undefined) return offset
  return `Etc/GMT${sign === '-' ? '+' : '-'}${hours}`
}

function isoDuration(text: string): number {
  const match = /^P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?$/.exec(text)
  if (match === null) throw new InvalidInputError(`'${text.slice(0, 64)}' is not an interval.`)
  const [days = 0, hours = 0, minutes = 0, seconds = 0] = match
    .slice(1)
    .map((part) => Number(part ?? 0))
  return Math.round((((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1000)
}

function textLabels(labels: Readonly<Record<string, unknown>>): Record<string, string> {
  const texts = Object.entries(labels).filter(([, value]) => value !== null)
  return Object.fromEntries(texts.map(([name, value]) => [name, String(value)]))
}

/** Both must mean the same by it. @throws UnsupportedError */
function checkCron({ cron = '', dialect = 'taskwright' }: SchedulePlan): void {
  if (dialect === 'taskiq') return
  const parts = cron.trim().split(/\s+/)
  const [, , days = '', months = '', weekdays = ''] = parts
  const special = `${days} ${weekdays.replace(/[a-z]{3}/gi, '')}`
  const differs =
    parts.length !== 5 ||
    // What it has no word for.
    /[a-z]/i.test(months) ||
    /[LW#?]/i.test(special) ||
    /7/.test(weekdays) ||
    // Such a step counts from 1 here, and from 0 there.
    /\*\//.test(`${days} ${months}`) ||
    // Whether both day fields must fit.
    (days !== '*' && weekdays !== '*' && (dialect === 'celery' || /\*/.test(days + weekdays)))
  if (!differs) return
  throw new UnsupportedError(
    `'${cron}' means something else to TaskIQ, which reads this source: write it with \`dialect: 'taskiq'\`, or keep the plan in a source of ours.`,
  )
}
