import { describe, expect, it } from 'vitest'
import { brokerFile, makeProject, type Project } from './cli-process.ts'

const tasksFile = `import { z } from 'zod'
import { TaskContext } from 'taskwright'
import { broker } from './broker.ts'

export const add = broker.task({ name: 'math.add', params: ['a', 'b'] }, async (a: number, b: number) => a + b)
export const trim = broker.task({ name: 'text.trim', input: z.object({ text: z.string() }) }, async ({ text }) => text.trim())
export const fail = broker.task('fail', async (text: string) => { throw new TypeError(text) })
export const large = broker.task({ name: 'large', claimCheck: { above: 300 } }, async (text: string) => { throw new TypeError(String(text.length)) })
export const shy = broker.task({ name: 'shy', result: false }, async () => 1)
export const labels = broker.task({ name: 'labels', deps: { ctx: TaskContext } }, async ({ ctx }) => ({ ...ctx.labels, queue: ctx.queue }))
export const rich = broker.task('rich', async () => ({ at: new Date(0), big: 10n, bytes: new Uint8Array([1]), text: 'a\\u001b[31mb\\u009b' }))
`

async function projectWithWorker(): Promise<Project> {
  const project = makeProject({ 'broker.ts': `${brokerFile}`, 'tasks.ts': tasksFile })
  const { symlinkSync } = await import('node:fs')
  const zod = new URL('../../../node_modules/zod', import.meta.url).pathname
  symlinkSync(zod, project.path('node_modules/zod'), 'dir')
  const worker = project.start(['worker', 'broker.ts', 'tasks.ts', '--queues=default,other'])
  await worker.until(/ready/)
  return project
}

const send = ['send', 'broker.ts', '--module=tasks.ts']

describe('send and result', () => {
  it('send arguments in every way, and read results', async () => {
    const project = await projectWithWorker()
    const value = async (...args: string[]): Promise<unknown> => {
      const { stdout, stderr } = await project.run([...send, ...args, '--wait=20s', '--json'])
      if (stdout === '') return stderr
      return (JSON.parse(stdout) as { returnValue: unknown }).returnValue
    }
    expect(await value('math.add', '--args=[1, 2]')).toBe(3)
    expect(await value('math.add', '--kwargs={"b": 5, "a": 4}')).toBe(9)
    expect(await value('math.add', '--args=[1]', '--kwargs={"b": 5}')).toBe(6)
    expect(await value('text.trim', '--kwargs={"text": " x "}')).toBe('x')
    expect(await value('text.trim', '--kwargs={"text": 1}')).toMatch(
      /^error: the input of task 'text\.trim'/,
    )
    expect(await value('math.add', '--kwargs={"c": 5}')).toMatch(/^error: .*has no argument 'c'/)
    const flags = [
      '--queue=other',
      '--label=tenant=acme',
      '--label=tries=3',
      '--priority=HIGH',
      '--delay=10ms',
    ]
    expect(await value('labels', ...flags)).toMatchObject({
      tenant: 'acme',
      tries: 3,
      priority: 7,
      queue: 'other',
    })
    expect(await value('rich')).toEqual({
      at: '1970-01-01T00:00:00.000Z',
      big: '10',
      bytes: 'AQ==',
      text: 'a\u001b[31mb\u009b',
    })
    expect(await value('math.add', '--remote', '--kwargs={"a": 1, "b": 1}')).toBe(2)
  })

  it('print an id, know a duplicate, and refuse a task that is not there', async () => {
    const project = await projectWithWorker()
    const first = await project.run([...send, 'math.add', '--args=[1,2]', '--id=once'])
    expect(first).toMatchObject({ code: 0, stdout: 'once\n', stderr: '' })
    const again = await project.run([...send, 'math.add', '--args=[1,2]', '--id=once', '--json'])
    expect(JSON.parse(again.stdout)).toEqual({ id: 'once', task: 'math.add', duplicate: true })
    const wrong = await project.run([...send, 'math.ad'])
    expect(wrong).toMatchObject({ code: 2, stdout: '' })
    expect(wrong.stderr).toContain("this broker has no task 'math.ad'. Did you mean math.add?")
    const none = await project.run(['send', 'broker.ts', 'x'])
    expect(none.stderr).toContain(
      'It knows no task at all: name the files that define them with --module.',
    )
  })

  it('tell failures by exit code 3 and unknown ids by 4', async () => {
    const project = await projectWithWorker()
    const failed = await project.run([
      ...send,
      'fail',
      '--args=["no \\u001b[31mway"]',
      '--id=f',
      '--wait=20s',
    ])
    expect(failed.code).toBe(3)
    expect(failed.stdout).toContain('status    failed')
    expect(failed.stdout).toContain('TypeError: no \\x1b[31mway')
    expect(failed.stdout).not.toContain('\u001b')
    const read = await project.run(['result', project.url, 'f', '--json'])
    expect(read.code).toBe(3)
    expect(JSON.parse(read.stdout)).toMatchObject({
      id: 'f',
      status: 'failed',
      error: { code: 'TASK_FAILED' },
    })
    const unknown = await project.run(['result', project.url, 'nothing'])
    expect(unknown).toMatchObject({ code: 4, stdout: '' })
    expect(unknown.stderr).toContain('nothing is kept of nothing')
    const late = await project.run([
      ...send,
      'math.add',
      '--args=[1,1]',
      '--delay=1h',
      '--id=l',
      '--wait=50ms',
    ])
    expect(late.code).toBe(4)
    expect(late.stderr).toContain('no result yet; the message is scheduled')
    expect((await project.run(['result', project.url, 'l'])).stdout).toBe('status    scheduled\n')
  })
})

/** What a terminal would obey, line feeds aside. */
function controlsIn(text: string): string[] {
  return text.split('').filter((character) => character < ' ' && character !== '\n')
}

describe('queues, purge and dead', () => {
  it('say of large arguments where they are, and run them again', async () => {
    const project = await projectWithWorker()
    const args = ['--args', JSON.stringify(['x'.repeat(1000)])]
    await project.run([...send, 'large', ...args, '--id=large', '--wait=20s'])
    const shown = await project.run(['dead', 'show', project.url, 'large'])
    expect(shown.stdout).toMatch(/^args +1\d\d\d bytes, kept apart as large:args:[0-9a-f]{32}$/m)
    await project.run(['dead', 'retry', project.url, 'large'])
    const again = await project.run(['result', project.url, 'large', '--wait=20s'])
    expect(again.stdout + again.stderr).toContain('TypeError: 1000')
  })

  it('count, cancel and put back', async () => {
    const project = await projectWithWorker()
    for (const text of ['a', 'b', 'c\u001b]0;title\u0007']) {
      const args = ['--args', JSON.stringify([text])]
      await project.run([...send, 'fail', ...args, `--id=dead-${text[0]}`, '--wait=20s'])
    }
    await project.run([
      ...send,
      'math.add',
      '--args=[1,1]',
      '--delay=1h',
      '--queue=later',
      '--id=l',
    ])
    const queues = await project.run(['queues', project.url])
    expect(queues.stdout.split('\n')).toEqual([
      'queue    queued  scheduled  running  dead  cap',
      'default       0          0        0     3    –',
      'later         0          1        0     0    –',
      '',
    ])

    const refused = await project.run(['purge', project.url, 'later'])
    expect(refused).toMatchObject({ code: 2, stdout: '' })
    expect(refused.stderr).toContain('confirm it with --yes')
    const purged = await project.run(['purge', project.url, 'later', '--yes'])
    expect(purged).toMatchObject({ code: 0, stdout: "purged 1 message from 'later'\n" })
    expect((await project.run(['result', project.url, 'l'])).stdout).toContain('cancelled')

    const list = await project.run(['dead', 'list', project.url])
    expect(list.stdout).toMatch(
      /^id +queue +task +reason +since +detail\ndead-c +default +fail +failed /,
    )
    expect(controlsIn(list.stdout)).toEqual([])
    const paged = await project.run([
      'dead',
      'list',
      project.url,
      '--limit=1',
      '--after=dead-c',
      '--json',
    ])
    expect(JSON.parse(paged.stdout)).toMatchObject([{ id: 'dead-b', task: 'fail', args: ['b'] }])
    const shown = await project.run(['dead', 'show', project.url, 'dead-c'])
    expect(shown.code).toBe(0)
    expect(shown.stdout).toContain('c\\u001b]0;title\\u0007')
    expect(controlsIn(shown.stdout)).toEqual([])
    expect(await project.run(['dead', 'show', project.url, 'no'])).toMatchObject({ code: 4 })

    const some = await project.run(['dead', 'retry', 'broker.ts', 'dead-a', 'gone', '--json'])
    expect(some.code).toBe(1)
    expect(JSON.parse(some.stdout)).toEqual({ retried: ['dead-a'], missing: ['gone'] })
    await project.run(['result', project.url, 'dead-a', '--wait=20s'])
    const all = await project.run(['dead', 'retry', project.url, '--all'])
    expect(all).toMatchObject({ code: 0, stdout: 'put back 3 messages\n' })
    expect(await project.run(['dead', 'retry', project.url])).toMatchObject({ code: 2 })
    for (const id of ['a', 'b', 'c']) {
      await project.run(['result', project.url, `dead-${id}`, '--wait=20s'])
    }
    const few = await project.run(['dead', 'list', project.url, '--error=no-such-error'])
    expect(few.stderr).toBe('no dead letters\n')
    const bad = await project.run(['dead', 'delete', project.url, 'dead-a', '--keep=1'])
    expect(bad).toMatchObject({ code: 2 })
    const filter = ['--all', '--task=fail', '--queue=default']
    const mended = await project.run([
      ...['dead', 'retry', 'broker.ts', ...filter, '--args=["d"]', '--rate=100', '--json'],
    ])
    expect(JSON.parse(mended.stdout)).toMatchObject({ missing: [] })
    await project.run(['result', project.url, 'dead-a', '--wait=20s'])
    const shownAgain = await project.run(['dead', 'show', project.url, 'dead-a', '--json'])
    expect(JSON.parse(shownAgain.stdout)).toMatchObject({ args: ['d'] })
    const trimmed = await project.run(['dead', 'delete', project.url, '--keep=1'])
    expect(trimmed.stdout).toBe('deleted 2 dead letters\n')
    const rest = await project.run(['dead', 'delete', project.url, '--all', '--json'])
    expect(JSON.parse(rest.stdout)).toEqual({ deleted: 1 })
  })

  it('say so when there is nothing', async () => {
    const project = makeProject({ 'broker.ts': brokerFile })
    await project.run(['send', 'broker.ts', 'x', '--remote', '--queue=q'])
    expect((await project.run(['dead', 'list', project.url])).stderr).toBe('no dead letters\n')
    expect((await project.run(['dead', 'list', project.url, '--json'])).stdout).toBe('[]\n')
    expect((await project.run(['queues', 'memory:'])).stderr).toContain('no queue yet')
  })
})

describe('the command line', () => {
  it('answers --help at once, and wrong usage with 2', async () => {
    const project = makeProject()
    const help = await project.run(['--help'])
    expect(help).toMatchObject({ code: 0 })
    expect(help.stdout).toContain('Usage: taskwright')
    expect(await project.run(['--version'])).toMatchObject({ code: 0, stdout: '0.1.0\n' })
    const wrong = await project.run(['worker', 'b.ts', '--concurrency=many'])
    expect(wrong.code).toBe(2)
    expect(wrong.stderr).toContain('Give a whole number of 1 or more.')
    const typo = await project.run(['wroker'])
    expect(typo.code).toBe(2)
    expect(typo.stderr).toContain('Did you mean worker?')
  })

  it('ends quietly when nobody reads its output', async () => {
    const project = makeProject({ 'broker.ts': brokerFile })
    await project.run(['send', 'broker.ts', 'x', '--remote'])
    const command = project.start(['queues', project.url])
    command.closeStdout()
    expect(await command.ended).toMatchObject({ code: 0, stderr: '' })
  })
})
