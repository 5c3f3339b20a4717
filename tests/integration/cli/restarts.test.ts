import { describe, expect, it } from 'vitest'
import { brokerFile, jsonLines, makeProject } from './cli-process.ts'

const json = ['--log-format=json', '--log-level=debug']

describe('worker processes', () => {
  it('are restarted when they are killed, and their task comes back', async () => {
    const project = makeProject({
      'broker.ts': brokerFile,
      'tasks.ts': `import { existsSync } from 'node:fs'
        import { setTimeout as pause } from 'node:timers/promises'
        import { TaskContext } from 'taskwright'
        import { broker } from './broker.ts'
        export const hold = broker.task({ name: 'hold', deps: { ctx: TaskContext } }, async ({ ctx }) => {
          console.log('began in ' + process.pid)
          while (!existsSync('release')) await pause(20, undefined, { signal: ctx.signal })
          return { attempt: ctx.attempt, redeliveries: ctx.redeliveries }
        })`,
    })
    const worker = project.start(['worker', 'broker.ts', 'tasks.ts', '--lease=1s', ...json])
    await worker.until(/"msg":"ready"/)
    await project.run(['send', 'broker.ts', 'hold', '--module=tasks.ts', '--id=t'])
    const [, pid] = await worker.until(/began in (\d+)/)
    // A process that the worker under test started.
    process.kill(Number(pid), 'SIGKILL')
    await worker.until(/died: SIGKILL/)
    await worker.until(/"msg":"ready"/, { count: 2 })
    project.write('release', '')
    await worker.until(/"msg":"task succeeded"/)
    const { stdout } = await project.run(['result', project.url, 't', '--json'])
    expect(JSON.parse(stdout)).toMatchObject({ returnValue: { attempt: 1, redeliveries: 1 } })
    worker.signal('SIGTERM')
    expect(await worker.ended).toMatchObject({ code: 0 })
  })

  it('survive a task that crashes its process: it is set aside as poison, the queue flows', async () => {
    const project = makeProject({
      'broker.ts': brokerFile,
      'tasks.ts': `import { broker } from './broker.ts'
        export const crash = broker.task('crash', async () => {
          setImmediate(() => { throw new Error('out of hand') })
          await new Promise(() => {})
        })
        export const fine = broker.task('fine', async () => 'fine')`,
    })
    const flags = ['--lease=300ms', '--redeliveries=1', '--concurrency=1', '--prefetch=0', ...json]
    const worker = project.start(['worker', 'broker.ts', 'tasks.ts', ...flags])
    await worker.until(/"msg":"ready"/)
    await project.run(['send', 'broker.ts', 'crash', '--module=tasks.ts', '--id=bad'])
    await worker.until(/the process crashes; running were\\n {4}crash {2}bad/)
    await worker.until(/"msg":"task was set aside"/)
    const fine = ['send', 'broker.ts', 'fine', '--module=tasks.ts', '--wait=20s']
    expect(await project.run(fine)).toMatchObject({ code: 0 })
    const { stdout } = await project.run(['dead', 'list', project.url, '--json'])
    expect(JSON.parse(stdout)).toMatchObject([{ id: 'bad', task: 'crash', reason: 'poison' }])
    worker.signal('SIGTERM')
    await worker.ended
    const crashes = jsonLines(worker.stderr).filter(({ msg }) =>
      String(msg).startsWith('the process crashes'),
    )
    expect(crashes).toHaveLength(2)
    expect(crashes[0]).toMatchObject({ error: { message: 'out of hand' } })
  })

  it('that die at every start for the same reason stop the whole', async () => {
    const project = makeProject({
      'broker.ts': brokerFile,
      'tasks.ts': 'process.exit(7)',
    })
    const { code, stderr } = await project.run(['worker', 'broker.ts', 'tasks.ts'])
    expect(code).toBe(1)
    expect(stderr.match(/is started again in/g)).toHaveLength(4)
    expect(stderr).toContain(
      'it ended before it was ready: exit code 7\nIt failed 5 times in a row: stopping.',
    )
  })

  it('keep going when a file breaks under running workers, and stop after five failed starts', async () => {
    const project = makeProject({ 'broker.ts': brokerFile, 'tasks.ts': '' })
    const worker = project.start(['worker', 'broker.ts', 'tasks.ts', ...json])
    const [, pid] = await worker.until(/"child":(\d+),"name"/)
    project.write('tasks.ts', 'const x = (: 1')
    process.kill(Number(pid), 'SIGKILL')
    expect(await worker.ended).toMatchObject({ code: 1 })
    const failed = jsonLines(worker.stderr).filter(({ msg }) =>
      /could not start: .*syntax error/.test(String(msg)),
    )
    expect(failed).toHaveLength(4)
  })

  it('are replaced after --max-tasks-per-child, and every task runs once', async () => {
    const project = makeProject({
      'broker.ts': brokerFile,
      'tasks.ts': `import { broker } from './broker.ts'
        export const where = broker.task('where', async (n: number) => { console.log(n + ' in ' + process.pid + ';') })`,
      'fill.mjs': `import { createBroker } from 'taskwright'
        const broker = createBroker('sqlite:./tasks.db')
        await broker.remoteTask('where').kiqMany(Array.from({ length: 30 }, (_, n) => [n]))
        await broker.stop()`,
    })
    const { execFileSync } = await import('node:child_process')
    execFileSync(process.execPath, ['fill.mjs'], { cwd: project.folder })
    const flags = ['--max-tasks-per-child=10', '--concurrency=2', ...json]
    const worker = project.start(['worker', 'broker.ts', 'tasks.ts', ...flags])
    await worker.until(/\d+ in \d+;/, { count: 30 })
    await worker.until(/has run its share of tasks/, { count: 3 })
    worker.signal('SIGTERM')
    expect(await worker.ended).toMatchObject({ code: 0 })
    const runs = [...worker.stdout.matchAll(/(\d+) in (\d+);/g)]
    expect(new Set(runs.map(([, n]) => n)).size).toBe(30)
    expect(runs).toHaveLength(30)
    const counts = new Map<string, number>()
    for (const [, , pid = ''] of runs) counts.set(pid, (counts.get(pid) ?? 0) + 1)
    expect([...counts.values()]).toEqual([10, 10, 10])
  })

  it('are replaced when they have grown beyond --max-memory-per-child', async () => {
    const project = makeProject({
      'broker.ts': brokerFile,
      'tasks.ts': `import { broker } from './broker.ts'
        const kept: Buffer[] = []
        export const grow = broker.task('grow', async () => { kept.push(Buffer.alloc(200_000_000, 1)) })`,
    })
    const flags = ['--max-memory-per-child=200mb', ...json]
    const worker = project.start(['worker', 'broker.ts', 'tasks.ts', ...flags])
    await worker.until(/"msg":"ready"/)
    expect(worker.stderr).not.toContain('has grown too large')
    await project.run(['send', 'broker.ts', 'grow', '--module=tasks.ts'])
    await worker.until(/has grown too large and is replaced/)
    await worker.until(/"msg":"ready"/, { count: 2 })
    worker.signal('SIGTERM')
    expect(await worker.ended).toMatchObject({ code: 0 })
  })

  it('end by themselves when the parent is killed', async () => {
    const project = makeProject({ 'broker.ts': brokerFile })
    const worker = project.start(['worker', 'broker.ts', '--workers=2'])
    await worker.until(/ready/, { count: 2 })
    worker.signal('SIGKILL')
    // Their output closes only when they have ended.
    await worker.closed
  })
})

describe('--reload', () => {
  it('restarts on a change; a syntax error waits for the next one', async () => {
    const tasks = (answer: string): string => `import { broker } from './broker.ts'
      export const answer = broker.task('answer', async () => ${answer})`
    const project = makeProject({
      'broker.ts': brokerFile,
      'app/tasks.ts': tasks("'one'").replace('./broker', '../broker'),
    })
    const write = (answer: string): void =>
      project.write('app/tasks.ts', tasks(answer).replace('./broker', '../broker'))
    const ask = async (): Promise<unknown> => {
      const { stdout } = await project.run([
        'send',
        'broker.ts',
        'answer',
        '--remote',
        '--wait=20s',
        '--json',
      ])
      return (JSON.parse(stdout) as { returnValue: unknown }).returnValue
    }
    const worker = project.start(['worker', 'broker.ts', 'app/tasks.ts', '--reload'])
    await worker.until(/ready/)
    expect(await ask()).toBe('one')
    write("'two'")
    await worker.until(/\.\/app\/tasks\.ts has changed/)
    await worker.until(/ready/, { count: 2 })
    expect(await ask()).toBe('two')
    write("('three'")
    await worker.until(/\.\/app\/tasks\.ts:2:\d+: syntax error.*\nWaiting for a change\./)
    write("'four'")
    await worker.until(/ready/, { count: 3 })
    expect(await ask()).toBe('four')
    worker.signal('SIGTERM')
    expect(await worker.ended).toMatchObject({ code: 0 })
  })

  it('waits for a change when the very first start fails, and can be stopped meanwhile', async () => {
    const project = makeProject({ 'broker.ts': brokerFile, 'tasks.ts': 'const x = (: 1' })
    const worker = project.start(['worker', 'broker.ts', 'tasks.ts', '--reload', '--workers=2'])
    await worker.until(/Waiting for a change/)
    worker.signal('SIGINT')
    expect(await worker.ended).toMatchObject({ code: 0 })
    expect(worker.stderr.match(/Waiting for a change/g)).toHaveLength(1)
  })
})
