import { describe, expect, it } from 'vitest'
import { brokerFile, makeProject, type Project } from './cli-process.ts'

const scheduleFile = `import { appendFileSync } from 'node:fs'
import { createScheduler, labelSource, storeSource } from 'taskwright'
import { broker } from './broker.ts'

export const tick = broker.task(
  { name: 'tick', schedule: [{ every: '1s' }, { id: 'nightly', cron: '0 3 * * *', timezone: 'Europe/Paris' }] },
  async () => {},
)
export const noted = broker.task('noted', async (text: string) => appendFileSync('noted.txt', text + '\\n'))
export const store = storeSource(broker)
export const scheduler = createScheduler({
  broker,
  sources: [labelSource(broker), store],
  lease: '1s',
})
`

function project(more: Record<string, string> = {}): Project {
  return makeProject({ 'broker.ts': brokerFile, 'schedule.ts': scheduleFile, ...more })
}

interface Listed {
  readonly plan: { readonly id: string }
  readonly next: string | null
  readonly state: { fired: number; missed: number; last: number; paused: boolean } | null
}

async function listed(from: Project): Promise<Listed[]> {
  const { stdout, stderr } = await from.run(['schedule', 'list', 'schedule.ts', '--json'])
  expect(stderr).toBe('')
  return JSON.parse(stdout) as Listed[]
}

describe('taskwright scheduler', () => {
  it('goes on in another process when the leader is killed; no second comes twice or is lost', async () => {
    const at = project()
    const first = at.start(['scheduler', './schedule.ts:scheduler'])
    await first.until(/scheduler started: 2 plans .*leads/)
    const second = at.start(['scheduler', './schedule.ts:scheduler', '--log-format=json'])
    await second.until(/waits to take over/)
    const healthy = await at.run(['schedule', 'status', 'schedule.ts'])
    expect([healthy.code, healthy.stdout.split('\n')[0]]).toEqual([0, 'healthy'])
    first.signal('SIGKILL')
    await first.ended
    const before = (await listed(at)).find(({ plan }) => plan.id === 'tick')?.state?.fired ?? 0
    await expect
      .poll(async () => (await listed(at)).find(({ plan }) => plan.id === 'tick')?.state?.fired, {
        timeout: 30_000,
      })
      .toBeGreaterThan(before + 3)
    second.signal('SIGTERM')
    const { code, stderr } = await second.ended
    expect(code).toBe(0)
    expect(stderr).toMatch(/"msg":"stopped"/)
    const absent = await at.run(['schedule', 'status', 'schedule.ts', '--json'])
    expect(absent.code).toBe(1)
    expect(JSON.parse(absent.stdout)).toMatchObject({ health: 'absent', plans: 2, missed: 0 })
    const { stdout } = await at.run(['queues', 'broker.ts', '--json'])
    const [tick] = (await listed(at)).filter(({ plan }) => plan.id === 'tick')
    // As many messages as seconds were decided: none lost, none twice.
    expect(JSON.parse(stdout)).toMatchObject([{ queued: tick?.state?.fired }])
  })

  it('lists, foretells, pauses, resumes, runs and removes plans', async () => {
    const at = project({
      'plan.ts': `import { chain } from 'taskwright'
import { noted, store, tick } from './schedule.ts'
import { broker } from './broker.ts'
await noted.scheduleByCron(store, { cron: '0 0 1 1 *', id: 'yearly' }, 'by hand')
await chain(noted.si('a'), tick.si()).scheduleByCron(store, { cron: '@daily', id: 'flow' })
await broker.stop()
`,
    })
    const planned = await at.run(['result', './plan.ts', 'x'])
    expect(planned.stderr).toMatch(/exports no broker/)
    const table = await at.run(['schedule', 'list', 'schedule.ts'])
    expect(table.stdout).toMatch(/yearly +noted +0 0 1 1 \*/)
    expect(table.stdout).toMatch(/nightly +tick +0 3 \* \* \* Europe\/Paris/)
    const next = await at.run(['schedule', 'next', 'schedule.ts', 'yearly', '--count=2'])
    expect(next.stdout).toMatch(/^\d{4}-01-01T00:00:00.000Z\n\d{4}-01-01T00:00:00.000Z\n$/)
    expect((await at.run(['schedule', 'pause', 'schedule.ts', 'yearly'])).stdout).toBe(
      'yearly: paused\n',
    )
    expect((await at.run(['schedule', 'list', 'schedule.ts'])).stdout).toMatch(/yearly .* paused/)
    expect((await at.run(['schedule', 'resume', 'schedule.ts', 'yearly'])).stdout).toMatch(
      /^yearly: goes on at \d{4}-01-01/,
    )
    const run = await at.run(['schedule', 'run', 'schedule.ts', 'yearly', '--json'])
    expect(JSON.parse(run.stdout)).toMatchObject({
      id: 'yearly',
      did: expect.stringMatching(/sent/),
    })
    expect((await at.run(['schedule', 'remove', 'schedule.ts', 'yearly'])).stdout).toBe(
      'yearly: removed\n',
    )
    const unknown = await at.run(['schedule', 'pause', 'schedule.ts', 'yearly'])
    expect([unknown.code, unknown.stderr]).toEqual([
      1,
      expect.stringMatching(/no schedule 'yearly'/),
    ])
    const code = await at.run(['schedule', 'remove', 'schedule.ts', 'tick'])
    expect(code.stderr).toMatch(/written in code/)
    const flow = await at.run(['schedule', 'list', 'schedule.ts'])
    expect(flow.stdout).toMatch(/flow +workflow: noted, tick +@daily/)
    expect((await at.run(['schedule', 'run', 'schedule.ts', 'flow'])).stdout).toMatch(
      /^flow: started workflow [0-9a-f]{20}\n$/,
    )
  })

  it('does not start with a plan that could never be fired, and says which', async () => {
    const bad = `import { broker } from './broker.ts'
broker.task({ name: 'never', schedule: [{ cron: '0 0 31 2 *' }] }, async () => {})
`
    const at = makeProject({ 'broker.ts': brokerFile, 'bad.ts': bad })
    const { code, stderr } = await at.run(['scheduler', 'broker.ts', 'bad.ts'])
    expect(code).toBe(1)
    expect(stderr).toMatch(/task 'never': schedule line 1: '0 0 31 2 \*' never comes round/)
    const none = await at.run(['scheduler', './broker.ts:nothing'])
    expect(none.stderr).toMatch(/does not export 'nothing'/)
  })

  it('runs inside a worker', async () => {
    const at = project({
      'noting.ts': `import { appendFileSync } from 'node:fs'
import { broker } from './broker.ts'
broker.task({ name: 'note', schedule: [{ every: '1s' }] }, async () => console.log('noted'))
`,
    })
    const worker = at.start(['worker', 'broker.ts', 'noting.ts', '--with-scheduler'])
    await worker.until(/noted/, { count: 2 })
    worker.signal('SIGTERM')
    expect((await worker.ended).code).toBe(0)
  })
})
