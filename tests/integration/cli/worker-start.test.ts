import { describe, expect, it } from 'vitest'
import { brokerFile, jsonLines, makeProject } from './cli-process.ts'

const tasksFile = `import { broker } from './broker'
enum Unit { Metre = 'm' }
export const area = broker.task({ name: 'shape.area', params: ['width', 'height'] },
  async (width: number, height: number): Promise<string> => \`\${width * height} \${Unit.Metre}²\`)
export const mail = broker.task({ name: 'mail.send', queue: 'mail' }, async (to: string) => to)
`

describe('taskwright worker', () => {
  it('prints engine, queues, concurrency and tasks, aligned, and loads TypeScript without a build', async () => {
    const project = makeProject({ 'broker.ts': brokerFile, 'tasks.ts': tasksFile })
    const worker = project.start(['worker', './broker.ts:broker', './tasks.ts', '--concurrency=7'])
    await worker.until(/ready/)
    const lines = worker.stderr.split('\n')
    expect(lines).toContain('  engine       sqlite ./tasks.db')
    expect(lines).toContain('  queues       default, mail')
    expect(lines).toContain('  concurrency  7 per process, 7 prefetched')
    expect(lines).toContain('    name        queue    defined at')
    expect(lines).toContain('    shape.area  default  ./tasks.ts:3')
    expect(lines).toContain('    mail.send   mail     ./tasks.ts:5')
    expect(worker.stderr).not.toContain('\u001b')
    const args = ['send', './broker.ts', 'shape.area', '--module', './tasks.ts']
    const sent = await project.run([...args, '--args', '[3, 4]', '--wait', '20s'])
    expect(sent).toMatchObject({ code: 0 })
    expect(sent.stdout).toMatch(/^status {4}succeeded\ntook {6}\d\.\d{3} s\nvalue {5}"12 m²"\n$/)
    worker.signal('SIGTERM')
    expect(await worker.ended).toMatchObject({ code: 0, signal: null })
    expect(worker.stderr).toContain('stopped')
  })

  it('is coloured where colour is forced, and NO_COLOR wins', async () => {
    const project = makeProject({ 'broker.ts': brokerFile })
    const coloured = project.start(['worker', 'broker.ts'], { FORCE_COLOR: '1' })
    await coloured.until(/ready/)
    expect(coloured.stderr).toContain('\u001b[')
    coloured.signal('SIGTERM')
    const plain = project.start(['worker', 'broker.ts'], { FORCE_COLOR: '1', NO_COLOR: '1' })
    await plain.until(/ready/)
    expect(plain.stderr).not.toContain('\u001b')
  })

  it("logs JSON, one object a line, with the broker's and the tasks' own lines", async () => {
    const project = makeProject({
      'broker.ts': brokerFile,
      'tasks.ts': `import { TaskContext } from 'taskwright'
        import { broker } from './broker.ts'
        export const talk = broker.task({ name: 'talk', deps: { ctx: TaskContext } }, async ({ ctx }, text: string) => {
          ctx.logger.info(text, { big: 1 })
        })`,
    })
    const flags = ['--log-format', 'JSON', '--log-level', 'DEBUG', '--workers=2', '--name=blue']
    const worker = project.start(['worker', 'broker.ts:broker', 'tasks.ts', ...flags])
    await worker.until(/"msg":"ready"/, { count: 2 })
    await project.run([
      'send',
      'broker.ts',
      'talk',
      '--module=tasks.ts',
      '--args',
      '["hello\\nyou"]',
      '--wait',
    ])
    worker.signal('SIGINT')
    expect(await worker.ended).toMatchObject({ code: 0, stdout: '' })
    const lines = jsonLines(worker.stderr)
    expect(lines.find(({ msg }) => msg === 'worker started')).toMatchObject({
      level: 'info',
      engine: 'sqlite ./tasks.db',
      queues: ['default'],
      workers: 2,
      tasks: ['talk'],
    })
    const ready = lines.filter(({ msg }) => msg === 'ready')
    expect(new Set(ready.map(({ name }) => name))).toEqual(new Set(['blue-1', 'blue-2']))
    expect(lines.find(({ msg }) => msg === 'hello\nyou')).toMatchObject({
      task: 'talk',
      attempt: 1,
      big: 1,
    })
    expect(lines.find(({ msg }) => msg === 'task succeeded')).toMatchObject({ task: 'talk' })
  })

  it('takes settings from the environment, and flags win', async () => {
    const project = makeProject({ 'broker.ts': brokerFile })
    const env = {
      TASKWRIGHT_CONCURRENCY: '3',
      TASKWRIGHT_QUEUES: 'a, b',
      TASKWRIGHT_LOG_LEVEL: 'Warn',
    }
    const worker = project.start(['worker', 'broker.ts', '--queues', 'c'], env)
    await worker.until(/Ctrl-C/)
    expect(worker.stderr).toContain('  queues       c\n')
    expect(worker.stderr).toContain('  concurrency  3 per process, 3 prefetched')
    worker.signal('SIGTERM')
    await worker.ended
    expect(worker.stderr).not.toContain('ready')
  })

  it('finds the files that define tasks by --fs-discover', async () => {
    const project = makeProject({
      'broker.ts': brokerFile,
      'app/mail/tasks.ts': tasksFile.replace('./broker', '../../broker'),
      'node_modules/other/tasks.ts': 'throw new Error("not mine")',
      '.hidden/tasks.ts': 'throw new Error("hidden")',
    })
    const worker = project.start(['worker', 'broker.ts', '--fs-discover', '**/tasks.ts'])
    await worker.until(/mail\.send .*\.\/app\/mail\/tasks\.ts:5/)
    const none = await project.run(['worker', 'broker.ts', '--fs-discover', '**/jobs.ts'])
    expect(none).toMatchObject({ code: 1 })
    expect(none.stderr).toContain("--fs-discover '**/jobs.ts' fits no file")
  })

  it('accepts a function that makes the broker, and CommonJS', async () => {
    const project = makeProject({
      'make.cjs': `const { createBroker } = require('taskwright')
        exports.make = () => createBroker('sqlite:./tasks.db')`,
    })
    const worker = project.start(['worker', 'make.cjs:make'])
    await worker.until(/ready/)
    expect(worker.stderr).toContain('none: name the files that define them')
  })

  it('runs two workers of one name side by side, each message once', async () => {
    const project = makeProject({
      'broker.ts': brokerFile,
      'tasks.ts': `import { broker } from './broker.ts'
        export const count = broker.task('count', async (n: number) => { console.log('ran ' + n) })`,
      'fill.mjs': `import { createBroker } from 'taskwright'
        const broker = createBroker('sqlite:./tasks.db')
        await broker.remoteTask('count').kiqMany(Array.from({ length: 200 }, (_, n) => [n]))
        await broker.stop()`,
    })
    const args = [
      'worker',
      'broker.ts',
      'tasks.ts',
      '--name=twin',
      '--concurrency=5',
      '--log-level=warn',
    ]
    const [one, two] = [project.start(args), project.start(args)]
    await Promise.all([one.until(/Ctrl-C/), two.until(/Ctrl-C/)])
    const { execFileSync } = await import('node:child_process')
    execFileSync(process.execPath, ['fill.mjs'], { cwd: project.folder })
    const ran = (): string[] => (one.stdout + two.stdout).match(/ran \d+/g) ?? []
    await Promise.race([
      one.until(/^(?=[\s\S]*)ran \d+/m, { count: 200 }),
      two.until(/ran \d+/, { count: 200 }),
      untilEmpty(),
    ])
    for (const worker of [one, two]) worker.signal('SIGTERM')
    await Promise.all([one.ended, two.ended])
    expect(ran()).toHaveLength(200)
    expect(new Set(ran()).size).toBe(200)

    async function untilEmpty(): Promise<void> {
      for (;;) {
        const { stdout } = await project.run(['queues', project.url, '--json'])
        const [queue] = JSON.parse(stdout) as { queued: number; running: number }[]
        if (queue?.queued === 0 && queue.running === 0) return
      }
    }
  })
})
