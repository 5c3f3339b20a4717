import { describe, expect, it } from 'vitest'
import {
  evictionFindings,
  persistenceFindings,
  readInfo,
  skewFindings,
  tooOld,
} from '../../../src/redis/server-report.ts'

const info = (fields: Record<string, string>): ReadonlyMap<string, string> =>
  readInfo(
    ['# Server', ...Object.entries(fields).map(([name, value]) => `${name}:${value}`), ''].join(
      '\r\n',
    ),
  )
const levels = (found: readonly { level: string }[]): string[] => found.map(({ level }) => level)

describe('what a server says of itself', () => {
  it('is read field by field', () => {
    expect([...info({ redis_version: '7.0.15', executable: '/a:b' })]).toEqual([
      ['redis_version', '7.0.15'],
      ['executable', '/a:b'],
    ])
  })

  it.each([
    ['5.0.14', '5.0.14'],
    ['6.0.16', '6.0.16'],
    ['6.2.0', undefined],
    ['7.0.15', undefined],
    ['10.1.0', undefined],
    ['', undefined],
  ])('version %j: too old is %j', (version, expected) => {
    expect(tooOld(info({ redis_version: version }))).toBe(expected)
  })

  it.each([
    [{ maxmemory: '100', maxmemory_policy: 'noeviction' }, []],
    [{ maxmemory: '0', maxmemory_policy: 'noeviction' }, []],
    [{}, []],
    [{ maxmemory: '0', maxmemory_policy: 'allkeys-lru' }, ['warn']],
    [{ maxmemory: '100', maxmemory_policy: 'allkeys-lfu' }, ['error']],
    [{ maxmemory: '100', maxmemory_policy: 'volatile-ttl' }, ['warn']],
  ] as const)('memory %j: %j', (fields, expected) => {
    expect(levels(evictionFindings(info(fields)))).toEqual(expected)
  })

  it('persistence: off is a warning, snapshots alone are said, a log is silence', () => {
    expect(levels(persistenceFindings(info({ aof_enabled: '0' }), ''))).toEqual(['warn'])
    expect(levels(persistenceFindings(info({ aof_enabled: '0' }), '3600 1'))).toEqual(['info'])
    expect(levels(persistenceFindings(info({ aof_enabled: '0' }), undefined))).toEqual(['info'])
    expect(levels(persistenceFindings(info({ aof_enabled: '1' }), ''))).toEqual([])
    expect(levels(persistenceFindings(info({}), undefined))).toEqual([])
  })

  it('the clock: only what no slow call explains', () => {
    const at = (server: number, took = 10) =>
      skewFindings({ server, before: 100_000, after: 100_000 + took })
    expect(at(100_005)).toEqual([])
    expect(at(101_900)).toEqual([])
    expect(at(103_000, 5000)).toEqual([])
    expect(at(109_010)[0]?.message).toMatch(/9 s ahead of/)
    expect(at(40_000)[0]?.message).toMatch(/60 s behind/)
  })
})
