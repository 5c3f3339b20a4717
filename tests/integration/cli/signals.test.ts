import { describe, expect, it } from 'vitest'
import { brokerFile, jsonLines, makeProject, type Project } from './cli-process.ts'

const tasksFile = `import { setTimeout as pause } from 'node:timers/promises'
import { existsSync } from 'node:fs'
import { TaskContext } from 'taskwright'
import { broker } from './broker.ts'

export const hold = broker.task({ name: 'hold', deps: { ctx: TaskContext } }, async ({ ctx }) => {
  console.log('began ' + ctx.attempt)
  // Until the test says so.
  while (!existsSync('release')) await pause(20, undefined, { signal: ctx.signal })
  return { attempt: ctx.attempt, redeliveries: ctx.redeliveries }
})
export const stubborn = broker.task({ name: 'stubborn', deps: { ctx: TaskContext } }, async () => {
  console.log('began stubbornly')
  await pause(600_000)
})
`

function holding(): Project {
  return makeProject({ 'broker.ts': brokerFile, 'tasks.ts': tasksFile })
}

const worker = ['worker', 'broker.ts', 'tasks.ts']
const send = ['send', 'broker.ts', 'hold', '--module=tasks.ts', '--id=task-1']
const readResult = ['result', 'sqlite:./tasks.db', 'task-1', '--json']

describe('signals', () => {
  it('the first drains: a long task ends and its result is kept', async () => {
    const project = holding()
    const running = project.start(worker)
    await running.until(/ready/)
    await project.run(send)
    await running.until(/began/)
    running.signal('SIGTERM')
    await running.until(
      /draining \(SIGTERM\): waits for up to 30 s for 1 running task\n {4}hold {2}task-1 /,
    )
    project.write('release', '')
    expect(await running.ended).toMatchObject({ code: 0, signal: null })
    const { code, stdout } = await project.run(readResult)
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ returnValue: { attempt: 1, redeliveries: 0 } })
  })

  it('a drain that takes too long aborts and gives back', async () => {
    const project = holding()
    const running = project.start([...worker, '--shutdown-timeout=300ms'])
    await running.until(/ready/)
    await project.run(send)
    await running.until(/began/)
    running.signal('SIGTERM')
    expect(await running.ended).toMatchObject({ code: 0 })
    const { code, stdout } = await project.run(readResult)
    expect({ code, ...(JSON.parse(stdout) as object) }).toMatchObject({ code: 4, status: 'queued' })
  })

  it('the second gives back: another worker runs it, and no attempt is used up', async () => {
    const project = holding()
    const running = project.start(worker)
    await running.until(/ready/)
    await project.run(send)
    await running.until(/began/)
    running.signal('SIGINT')
    await running.until(/draining \(SIGINT\): waits/)
    running.signal('SIGINT')
    await running.until(/aborting and giving back 1 running task/)
    expect(await running.ended).toMatchObject({ code: 0, signal: null })
    project.write('release', '')
    const next = project.start(worker)
    await next.until(/task succeeded/)
    const { stdout } = await project.run(readResult)
    expect(JSON.parse(stdout)).toMatchObject({ returnValue: { attempt: 1, redeliveries: 0 } })
  })

  it('the third exits at once with 130', async () => {
    const project = holding()
    const running = project.start(worker)
    await running.until(/ready/)
    await project.run(['send', 'broker.ts', 'stubborn', '--module=tasks.ts'])
    await running.until(/began stubbornly/)
    running.signal('SIGTERM')
    await running.until(/draining \(SIGTERM\)/)
    running.signal('SIGTERM')
    await running.until(/aborting and giving back/)
    running.signal('SIGTERM')
    expect(await running.ended).toMatchObject({ code: 130, signal: null })
    await running.closed
  })

  it("a terminal's Ctrl-C, which reaches the children too, is one signal", async () => {
    const project = holding()
    const running = project.start([...worker, '--workers=2'])
    await running.until(/ready/, { count: 2 })
    await project.run(send)
    await running.until(/began/)
    running.signalGroup('SIGINT')
    await running.until(/draining \(SIGINT\): waits/)
    expect(running.stderr).not.toContain('aborting')
    project.write('release', '')
    expect(await running.ended).toMatchObject({ code: 0 })
    const { stdout } = await project.run(readResult)
    expect(JSON.parse(stdout)).toMatchObject({ status: 'succeeded' })
  })

  it('SIGHUP replaces the processes one by one', async () => {
    const project = holding()
    const running = project.start([...worker, '--workers=2', '--log-format=json'])
    await running.until(/"msg":"ready"/, { count: 2 })
    running.signal('SIGHUP')
    await running.until(/"msg":"ready"/, { count: 4 })
    running.signal('SIGTERM')
    expect(await running.ended).toMatchObject({ code: 0 })
    const ready = jsonLines(running.stderr).filter(({ msg }) => msg === 'ready')
    const before = ready.slice(0, 2).map(({ child }) => child)
    const after = ready.slice(2).map(({ child, worker: slot }) => ({ child, slot }))
    expect(new Set([...before, ...after.map(({ child }) => child)]).size).toBe(4)
    expect(after.map(({ slot }) => slot)).toEqual([1, 2])
  })
})
