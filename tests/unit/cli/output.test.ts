import colours from 'picocolors'
import { describe, expect, it } from 'vitest'
import { globPattern } from '../../../src/cli/discover-files.ts'
import { prettyLogger } from '../../../src/cli/log-output.ts'
import { printable, toJson } from '../../../src/cli/printable-data.ts'
import { FailedStarts, restartDelay } from '../../../src/cli/restart-policy.ts'
import { safeLines, safeText } from '../../../src/cli/safe-text.ts'
import { pad, table, width } from '../../../src/cli/table.ts'
import { hasColour } from '../../../src/cli/terminal.ts'
import { workerBanner } from '../../../src/cli/worker-banner.ts'
import { seededRandom } from '../../../src/core/random.ts'

const plain = colours.createColors(false)

describe('safeText', () => {
  it('shows what a terminal would obey', () => {
    expect(safeText('a\u001b[31m\u0007\u007f\u009b\u0000')).toBe('a\\x1b[31m\\x07\\x7f\\x9b\\x00')
    expect(safeText('a\nb\rc\td')).toBe('a\\nb\\rc\\td')
    expect(safeText('\u202eevil\u2066\u2028')).toBe('\\u202eevil\\u2066\\u2028')
    expect(safeText('\ud800x')).toBe('\\ud800x')
    expect(safeText('grüße 🚀 日本')).toBe('grüße 🚀 日本')
    expect(safeLines('a\u001b\nb')).toBe('a\\x1b\nb')
  })
})

describe('printable data', () => {
  it('has a form for the whole data table', () => {
    expect(toJson({ a: 1n, b: new Uint8Array([1, 2]), c: new Date(0), d: undefined })).toBe(
      '{"a":"1","b":"AQI=","c":"1970-01-01T00:00:00.000Z"}',
    )
    expect(toJson(undefined)).toBe('null')
    expect(printable({ text: '\u009b' })).toBe('{\n  "text": "\\x9b"\n}')
  })
})

describe('table', () => {
  it('aligns columns, wide characters included', () => {
    const columns = [{ title: 'name' }, { title: 'count', align: 'right' as const }]
    expect(
      table(columns, [
        ['日本', 1],
        ['a', 1234],
        ['é', 5],
      ]),
    ).toEqual(['name  count', '日本      1', 'a      1234', 'é         5'])
    expect(table(columns, [])).toEqual(['name  count'])
    expect(width('e\u0301')).toBe(1)
    expect(pad('ab', 1)).toBe('ab')
  })
})

describe('colour', () => {
  it.each([
    [{ isTTY: true }, {}, true],
    [{ isTTY: false }, {}, false],
    [{}, {}, false],
    [{ isTTY: true }, { NO_COLOR: '1' }, false],
    [{ isTTY: true }, { NO_COLOR: '' }, true],
    [{ isTTY: true }, { TERM: 'dumb' }, false],
    [{ isTTY: false }, { FORCE_COLOR: '1' }, true],
    [{ isTTY: true }, { FORCE_COLOR: '0' }, false],
    [{ isTTY: true }, { FORCE_COLOR: '1', NO_COLOR: '1' }, false],
  ])('%j with %j: %s', (stream, env, expected) => {
    expect(hasColour(stream, env)).toBe(expected)
  })
})

describe('pretty log lines', () => {
  const lines: string[] = []
  const options = {
    format: 'pretty',
    colours: plain,
    write: (text: string) => void lines.push(text),
  } as const

  it('have time, level, worker, message and fields; the pid is for machines', () => {
    lines.length = 0
    const logger = prettyLogger({ ...options, level: 'info', fields: { worker: 2, pid: 7 } })
    logger.debug('not shown')
    logger
      .child({ task: 't' })
      .warn('careful\u001b', { text: 'a\u001b b', list: [1], circle: circular(), big: 1n })
    expect(lines).toHaveLength(1)
    expect(lines[0]).toMatch(
      /^\d\d:\d\d:\d\d\.\d{3} warn {2}worker 2 {2}careful\\x1b {2}task=t {2}text=a\\x1b b {2}list=\[1\] {2}circle=\[object Object\] {2}big=1\n$/,
    )
  })

  it('show the stack of an error and of its causes', () => {
    lines.length = 0
    const logger = prettyLogger({ ...options, level: 'debug', fields: {} })
    logger.error('failed', { error: new Error('outer', { cause: new TypeError('inner') }) })
    logger.error('odd', { error: { a: 1 } })
    logger.debug('shown')
    expect(lines[0]).toMatch(
      /error failed\n {4}Error: outer\n {8}at [\s\S]*\n {4}caused by:\n {4}TypeError: inner/,
    )
    expect(lines[1]).toMatch(/odd\n {4}\{"a":1\}\n$/)
    expect(lines[2]).toContain('debug shown')
  })

  function circular(): object {
    const value: Record<string, unknown> = {}
    value['self'] = value
    return value
  }
})

describe('the banner', () => {
  const facts = { name: 'w', engine: 'sqlite', queues: ['a', 'b'], tasks: [] }
  const plan = { concurrency: 5, prefetch: 2, ack: 'late' } as Parameters<
    typeof workerBanner
  >[0]['plan']
  const base = { plan, workers: 2, version: '1.0.0', colours: plain }

  it('says when there are no tasks', () => {
    const text = workerBanner({ ...base, facts })
    expect(text).toContain(
      '  workers      2 processes\n  concurrency  5 per process, 2 prefetched\n',
    )
    expect(text).toContain('  tasks        none: name the files that define them\n')
  })

  it('lists fifty tasks at most', () => {
    const tasks = Array.from({ length: 60 }, (_, i) => ({
      name: `t${i}`,
      queue: 'q',
      definedAt: undefined,
    }))
    const text = workerBanner({ ...base, workers: 1, facts: { ...facts, tasks } })
    expect(text).toContain('  workers      1 process\n')
    expect(text).toContain('    t49   q\n    and 10 more\n')
    expect(text).not.toContain('t50')
  })
})

describe('globs', () => {
  it.each([
    ['**/tasks.ts', 'tasks.ts', true],
    ['**/tasks.ts', 'a/b/tasks.ts', true],
    ['**/tasks.ts', 'a/mytasks.ts', false],
    ['src/*.ts', 'src/a.ts', true],
    ['src/*.ts', 'src/a/b.ts', false],
    ['src/**', 'src/a/b.ts', true],
    ['*.{ts,mts}', 'a.mts', true],
    ['*.{ts,mts}', 'a.cts', false],
    ['task?.ts', 'tasks.ts', true],
    ['a+(b).ts', 'a+(b).ts', true],
    ['a,b.ts', 'a,b.ts', true],
    ['a}.ts', 'a}.ts', true],
    ['{a', 'a', true],
  ])('%s and %s: %s', (glob, path, fits) => {
    expect(globPattern(glob).test(path)).toBe(fits)
  })
})

describe('the restart policy', () => {
  it('doubles up to half a minute, with jitter', () => {
    const random = seededRandom(3)
    for (const [death, most] of [
      [1, 200],
      [2, 400],
      [8, 25_600],
      [9, 30_000],
      [1000, 30_000],
    ] as const) {
      for (let i = 0; i < 20; i++) {
        const delay = restartDelay(death, random)
        expect(delay).toBeGreaterThanOrEqual(most / 2)
        expect(delay).toBeLessThanOrEqual(most)
      }
    }
  })

  it('counts equal failures in a row', () => {
    const starts = new FailedStarts()
    expect(['a', 'a', 'a', 'a', 'b', 'b'].map((reason) => starts.add(reason))).not.toContain(true)
    expect([starts.add('b'), starts.add('b'), starts.add('b')]).toEqual([false, false, true])
    starts.clear()
    expect(starts.add('b')).toBe(false)
  })
})
