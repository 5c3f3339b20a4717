import { CommanderError } from 'commander'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { buildProgram, type Actions } from '../../../src/cli/program.ts'

afterEach(() => vi.unstubAllEnvs())

/** What a command line leads to: the name of the action and what it is given. */
async function parse(...argv: string[]): Promise<[string, Record<string, unknown>]> {
  const called: [string, Record<string, unknown>][] = []
  const action =
    (name: string) =>
    (command: object): Promise<0> => {
      called.push([name, command as Record<string, unknown>])
      return Promise.resolve(0)
    }
  const actions = Object.fromEntries(
    [
      'worker',
      'send',
      'result',
      'queues',
      'purge',
      'deadList',
      'deadShow',
      'deadRetry',
      'deadDelete',
      'inspect',
      'pause',
      'resume',
      'cancel',
      'control',
      'limit',
      'scheduler',
      'scheduleList',
      'scheduleNext',
      'schedulePause',
      'scheduleStatus',
    ].map((name) => [name, action(name)]),
  ) as unknown as Actions
  const program = buildProgram(actions, '1.2.3')
  const { command } = program
  for (const one of [
    command,
    ...command.commands,
    ...command.commands.flatMap(({ commands }) => commands),
  ]) {
    one.exitOverride().configureOutput({ writeErr: () => {}, writeOut: () => {} })
  }
  await program.run(argv)
  const [found] = called
  if (found === undefined) throw new Error('no action was called')
  return found
}

async function flagsOf(...argv: string[]): Promise<Record<string, unknown>> {
  const [, { flags }] = await parse(...argv)
  return flags as Record<string, unknown>
}

const worker = ['worker', 'broker.ts:broker']

describe('worker', () => {
  it('has defaults', async () => {
    expect(await parse(...worker)).toEqual([
      'worker',
      {
        target: 'broker.ts:broker',
        modules: [],
        flags: {
          workers: 1,
          concurrency: 100,
          ack: 'late',
          shutdownTimeout: 30_000,
          logLevel: 'info',
          logFormat: 'pretty',
        },
      },
    ])
  })

  it('reads queues with weights, and strict ones', async () => {
    const weighted = await flagsOf(...worker, '--queues=critical=6, default=3,low')
    expect(weighted).toMatchObject({ queues: { critical: 6, default: 3, low: 1 } })
    const strict = await flagsOf(...worker, '--queues=a,b', '--strict')
    expect(strict).toMatchObject({ queues: ['a', 'b'], strict: true })
  })

  it('reads every flag', async () => {
    const [, { modules, flags }] = await parse(
      ...worker,
      'a.ts',
      'b.ts',
      ...[
        '--workers',
        '4',
        '--concurrency',
        '10',
        '--prefetch',
        '0',
        '--queues',
        'a, b',
        '--ack',
        'EARLY',
      ],
      ...[
        '--lease',
        '5s',
        '--redeliveries',
        '0',
        '--max-tasks-per-child',
        '7',
        '--max-memory-per-child',
        '1.5g',
      ],
      ...[
        '--shutdown-timeout',
        '1m30s',
        '--reload',
        '--fs-discover',
        '**/tasks.ts',
        '--name',
        'blue',
      ],
      ...['--log-level', 'WARNING', '--log-format', 'Json'],
    )
    expect(modules).toEqual(['a.ts', 'b.ts'])
    expect(flags).toEqual({
      workers: 4,
      concurrency: 10,
      prefetch: 0,
      queues: ['a', 'b'],
      ack: 'early',
      lease: 5000,
      redeliveries: 0,
      maxTasksPerChild: 7,
      maxMemoryPerChild: 1.5 * 2 ** 30,
      shutdownTimeout: 90_000,
      reload: true,
      fsDiscover: '**/tasks.ts',
      name: 'blue',
      logLevel: 'warn',
      logFormat: 'json',
    })
  })

  it('prefers flags to the environment, and that to defaults', async () => {
    vi.stubEnv('TASKWRIGHT_WORKERS', '3')
    vi.stubEnv('TASKWRIGHT_MAX_MEMORY_PER_CHILD', '64mb')
    vi.stubEnv('TASKWRIGHT_LOG_LEVEL', 'Error')
    expect(await flagsOf(...worker, '--log-level=debug')).toMatchObject({
      workers: 3,
      maxMemoryPerChild: 64 * 2 ** 20,
      logLevel: 'debug',
    })
  })

  it.each([
    ['--workers=0', 'Give a whole number of 1 or more.'],
    ['--workers=1.5', 'Give a whole number of 1 or more.'],
    ['--prefetch=-1', 'Give a whole number of 0 or more.'],
    ['--queues=a=6,b=0', 'Give weights as whole numbers'],
    ['--queues=a=6,=1', 'Give weights as whole numbers'],
    ['--queues=a,,b', 'Give names with commas between them'],
    ['--ack=sometimes', 'Give one of: early, late.'],
    ['--lease=30', "not a duration: '30'"],
    ['--max-memory-per-child=512', "Write it with its unit, for instance '512mb'"],
    ['--max-memory-per-child=0mb', 'Write it with its unit'],
    ['--log-level=loud', 'Known levels: debug, info, warn, error.'],
    ['--log-format=xml', 'Give one of: pretty, json.'],
    ['--concurency=1', 'Did you mean --concurrency?'],
  ])('refuses %s', async (flag, message) => {
    const refusal: unknown = await parse(...worker, flag).catch((error: unknown) => error)
    expect(refusal).toBeInstanceOf(CommanderError)
    expect((refusal as Error).message).toContain(message)
  })
})

describe('send', () => {
  const send = ['send', 'broker.ts', 'task']
  it('reads every flag', async () => {
    const [name, { target, task, flags }] = await parse(
      ...send,
      ...[
        '--args',
        '[1, "a"]',
        '--kwargs',
        '{"b": null}',
        '--module',
        'x.ts',
        'y.ts',
        '--queue',
        'q',
        '--delay',
        '5m',
      ],
      ...[
        '--priority',
        'High',
        '--label',
        'a=b=c',
        '--label',
        'n=-1.5',
        '--label',
        'on=true',
        '--label',
        'id=007',
      ],
      ...['--id', 'i', '--remote', '--wait', '10s', '--json'],
    )
    expect([name, target, task]).toEqual(['send', 'broker.ts', 'task'])
    expect(flags).toEqual({
      args: [1, 'a'],
      kwargs: { b: null },
      module: ['x.ts', 'y.ts'],
      queue: 'q',
      delay: 300_000,
      priority: 7,
      label: { a: 'b=c', n: -1.5, on: true, id: '007' },
      id: 'i',
      remote: true,
      wait: 10_000,
      json: true,
    })
    expect(await flagsOf(...send, '--wait')).toEqual({ wait: true })
    expect(await flagsOf(...send, '--priority=0')).toEqual({ priority: 0 })
  })

  it.each([
    ['--args={}', 'Give a JSON array'],
    ['--args=[1', 'This is not JSON'],
    ['--kwargs=[]', 'Give a JSON object'],
    ['--kwargs=null', 'Give a JSON object'],
    ['--label=tenant', 'Write a label as name=value'],
    ['--priority=10', 'whole number from 0 to 9'],
    ['--wait=soon', 'not a duration'],
  ])('refuses %s', async (flag, message) => {
    await expect(parse(...send, flag)).rejects.toThrow(message)
  })
})

describe('the other commands', () => {
  it.each([
    [
      ['result', 't', 'id', '--wait', '1s'],
      'result',
      { target: 't', id: 'id', flags: { wait: 1000 } },
    ],
    [['queues', 't', '--json'], 'queues', { target: 't', flags: { json: true } }],
    [['purge', 't', 'q', '--yes'], 'purge', { target: 't', queue: 'q', flags: { yes: true } }],
    [
      ['dead', 'list', 't', '--queue', 'q'],
      'deadList',
      { target: 't', flags: { queue: 'q', limit: 50 } },
    ],
    [['dead', 'show', 't', 'id'], 'deadShow', { target: 't', id: 'id', flags: {} }],
    [['dead', 'retry', 't', 'a', 'b'], 'deadRetry', { target: 't', ids: ['a', 'b'], flags: {} }],
    [['dead', 'retry', 't', '--all'], 'deadRetry', { target: 't', ids: [], flags: { all: true } }],
    [
      ['dead', 'retry', 't', '--all', '--task=a', '--label=b=1', '--older-than=1h', '--rate=5'],
      'deadRetry',
      {
        target: 't',
        ids: [],
        flags: { all: true, task: 'a', label: { b: 1 }, olderThan: 3_600_000, rate: 5 },
      },
    ],
    [
      ['dead', 'delete', 't', '--keep', '10', '--reason', 'poison', '--error', 'e'],
      'deadDelete',
      { target: 't', ids: [], flags: { keep: 10, reason: 'poison', error: 'e' } },
    ],
    [
      ['inspect', 'stats', 't', '--worker=a,b', '--wait=2s'],
      'inspect',
      { what: 'stats', target: 't', flags: { worker: ['a', 'b'], wait: 2000, limit: 50 } },
    ],
    [['pause', 't', '--queue=a,b'], 'pause', { target: 't', flags: { queue: ['a', 'b'] } }],
    [['resume', 't', '--task=x'], 'resume', { target: 't', flags: { task: ['x'] } }],
    [
      ['cancel', 't', 'id', '--children', '--reason=r'],
      'cancel',
      { target: 't', ids: ['id'], flags: { children: true, reason: 'r' } },
    ],
    [
      ['shutdown', 't', '--timeout=5s'],
      'control',
      { what: 'shutdown', target: 't', flags: { wait: 1000, timeout: 5000 } },
    ],
    [
      ['limit', 't', 'mail', '--concurrency=5', '--key=acme'],
      'limit',
      { target: 't', name: 'mail', flags: { concurrency: 5, key: 'acme' } },
    ],
    [
      ['limit', 't', 'llm', '--rate=10/1m'],
      'limit',
      { target: 't', name: 'llm', flags: { rate: { limit: 10, per: 60_000 } } },
    ],
    [
      ['limit', 't', 'llm', '--rate=off'],
      'limit',
      { target: 't', name: 'llm', flags: { rate: 'off' } },
    ],
    [
      ['scale', 't', '--concurrency=5'],
      'control',
      { what: 'scale', target: 't', flags: { wait: 1000, concurrency: 5 } },
    ],
  ])('%j', async (argv, name, command) => {
    expect(await parse(...argv)).toEqual([name, command])
  })
})
