/** Talking to running workers from the command line. */
import { describe, expect, it } from 'vitest'
import { makeProject } from './cli-process.ts'

const broker = `import { createBroker } from 'taskwright'
export const broker = createBroker('sqlite:./tasks.db')
export const nap = broker.task({ name: 'nap', concurrency: 50 }, async (ms) => new Promise((r) => setTimeout(r, ms)))
`

describe('inspect, pause, cancel, scale and shutdown', () => {
  it('reach the workers of another process', async () => {
    const project = makeProject({ 'broker.ts': broker })
    const worker = project.start(['worker', 'broker.ts', '--name=w', '--concurrency=2'])
    await worker.until(/ready/)
    const json = async (...argv: string[]): Promise<unknown> => {
      const { stdout, code } = await project.run([...argv, '--json'])
      expect(code).toBe(0)
      return JSON.parse(stdout) as unknown
    }
    const [{ worker: name } = { worker: '' }] = (await json(
      ...['inspect', 'ping', 'broker.ts', '--wait=20s'],
    )) as { worker: string }[]
    expect(name).toMatch(/^w/)
    await project.run(['send', 'broker.ts', 'nap', '--args=[60000]', '--id=long'])
    await project.run(['send', 'broker.ts', 'nap', '--args=[1]', '--delay=1h', '--id=later'])
    await expect
      .poll(async () => json('inspect', 'active', 'broker.ts', '--wait=20s'), { timeout: 20_000 })
      .toMatchObject([{ id: 'long', task: 'nap', worker: name }])
    expect(await json('inspect', 'scheduled', project.url)).toMatchObject([{ id: 'later' }])
    expect(await json('inspect', 'registered', project.url, '--wait=20s')).toEqual([
      { worker: name, tasks: ['nap'] },
    ])
    const scaled = await project.run(['scale', project.url, '--concurrency=9', '--wait=20s'])
    expect(scaled).toMatchObject({ code: 0, stdout: `${name}\n` })
    expect(await json('inspect', 'stats', project.url, '--wait=20s')).toMatchObject([
      { worker: name, concurrency: 9, running: 1 },
    ])
    const limited = ['limit', 'broker.ts', 'nap', '--concurrency']
    expect(await project.run([...limited, '3'])).toMatchObject({
      code: 0,
      stdout: 'set for all processes: nap\n',
    })
    expect((await project.run([...limited, 'off'])).code).toBe(0)
    expect((await project.run(limited.slice(0, 3))).code).toBe(2)
    expect((await project.run(['pause', project.url, '--queue=default'])).code).toBe(0)
    await project.run(['send', 'broker.ts', 'nap', '--args=[1]', '--id=held'])
    expect(await json('inspect', 'paused', project.url)).toEqual([
      { paused: 'queue', name: 'default' },
    ])
    expect((await project.run(['pause', project.url])).code).toBe(2)
    expect(await json('cancel', project.url, 'long', '--reason=enough')).toEqual({
      cancelled: ['long'],
    })
    expect((await project.run(['result', project.url, 'long', '--wait=20s'])).stdout).toContain(
      'enough',
    )
    expect(await json('cancel', project.url, '--task=nap', '--queue=default')).toEqual({
      cancelled: ['later', 'held'],
    })
    expect((await project.run(['resume', project.url, '--queue=default'])).code).toBe(0)
    const down = await project.run(['shutdown', project.url, '--wait=20s', '--timeout=1s'])
    expect(down).toMatchObject({ code: 0, stdout: `${name}\n` })
    expect(await worker.ended).toMatchObject({ code: 0 })
    const nobody = await project.run(['inspect', 'ping', project.url, '--wait=100ms'])
    expect(nobody).toMatchObject({ code: 4, stdout: '' })
  })
})
