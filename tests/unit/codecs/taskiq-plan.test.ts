import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { readPlain, writePlain, type PlainFormatName } from '../../../src/codecs/plain-format.ts'
import { fromTaskiq, toTaskiq } from '../../../src/codecs/taskiq-plan.ts'
import { UnsupportedError } from '../../../src/core/errors.ts'
import type { SchedulePlan } from '../../../src/core/schedule-plan.ts'

interface Golden {
  readonly kind: string
  readonly name: string
  readonly serializer: string
  readonly b64: string
}

const golden = readFileSync(new URL('../../fixtures/taskiq-golden.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as Golden)
  .filter(({ kind }) => kind === 'schedule')

const message = { task: 'app:ok', args: [1], kwargs: {}, labels: {} }
const expected: Readonly<Record<string, Partial<SchedulePlan>>> = {
  c1: {
    cron: '*/5 * * * *',
    dialect: 'taskiq',
    kwargs: { b: 'q' },
    labels: { i: '5', bb: 'True' },
  },
  c3: { cron: '1 * * * *', dialect: 'taskiq', timezone: 'Etc/GMT-2' },
  i1: { every: 90_000 },
  i2: { every: 86_490_000 },
  t1: { at: Date.parse('2030-01-02T01:04:05.678Z') },
}

describe('a schedule that Python has stored', () => {
  it.each(golden)('$name by $serializer', ({ name, b64 }) => {
    const id = name.split(':').at(-1) ?? ''
    const read = fromTaskiq(readPlain(Buffer.from(b64, 'base64')))
    expect(read).toEqual({ id, ...message, ...expected[id] })
  })

  it.each<[string, unknown, RegExp]>([
    ['no map', [], /schedule/],
    ['no names', {}, /names no schedule_id/],
    ['no time', { schedule_id: 'a', task_name: 't' }, /neither cron/],
    ['a bad time', { schedule_id: 'a', task_name: 't', time: 'soon' }, /not a time/],
    [
      'a bad interval',
      { schedule_id: 'a', task_name: 't', interval: 'PT' + 'x' },
      /not an interval/,
    ],
    ['bad args', { schedule_id: 'a', task_name: 't', args: 5, cron: '* * * * *' }, /args/],
  ])('is refused with %s', (_, value, why) => {
    expect(() => fromTaskiq(value)).toThrow(why)
  })
})

describe('a plan of ours in its form', () => {
  const base: SchedulePlan = { id: 'p', task: 't', args: [], kwargs: {}, labels: {} }

  it.each<PlainFormatName>(['json', 'pickle', 'msgpack', 'cbor'])('survives %s', (format) => {
    const plans: SchedulePlan[] = [
      {
        ...base,
        cron: '*/5 * * * *',
        dialect: 'taskiq',
        timezone: 'Europe/Paris',
        args: [{ a: 'ü' }],
      },
      { ...base, every: 5000, queue: 'slow', kwargs: { x: null } },
      { ...base, at: 1_900_000_000_123, taskId: 'my-id', labels: { n: '3' } },
    ]
    for (const plan of plans) {
      expect(fromTaskiq(readPlain(writePlain(toTaskiq(plan), format)))).toEqual(plan)
    }
    expect(toTaskiq({ ...base, every: 5000, labels: { n: 3, b: true } })['labels']).toEqual({
      n: '3',
      b: 'True',
    })
  })

  it.each<[Partial<SchedulePlan>]>([
    [{ every: 1500 }],
    [{ every: 1000, limit: 3 }],
    [{ every: 1000, overlap: 'skip' }],
    [{ cron: '0 0 */2 * *' }],
    [{ cron: '0 0 * * 7' }],
    [{ cron: '0 0 L * *' }],
    [{ cron: '0 0 1 JAN *' }],
    [{ cron: '* * * * * *' }],
    [{ cron: '@daily' }],
    [{ cron: '0 0 13 * 5', dialect: 'celery' }],
  ])('is refused where it would mean something else: %j', (part) => {
    expect(() => toTaskiq({ ...base, ...part })).toThrow(UnsupportedError)
  })

  it.each(['*/5 * * * *', '0 5 * * MON-FRI', '0 5 1,15 * *', '0 0 13 * 5'])('may be %s', (cron) => {
    expect(toTaskiq({ ...base, cron })['cron']).toBe(cron)
  })
})
