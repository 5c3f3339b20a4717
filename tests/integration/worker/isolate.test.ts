/**
 * Isolated runs, in real threads and processes: the entry that runs in them is the built one.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import {
  TaskCancelledError,
  TaskDeadError,
  TaskFailedError,
  createBroker,
  createWorker,
  silentLogger,
  type Worker,
} from '../../../src/index.ts'
import { runtimeOf } from '../../../src/broker/runtime.ts'
import { broker, child, lines, sendHidden, signalled, spawns, thread } from './isolated-tasks.ts'

const folder = mkdtempSync(join(tmpdir(), 'taskwright-isolate-'))
let worker: Worker

beforeAll(async () => {
  if (!existsSync(new URL('../../../dist/lib/isolated-entry.js', import.meta.url)))
    throw new Error('isolated runs need dist/: run `npm run build` first.')
  worker = createWorker(broker, { grace: '20s' })
  await worker.start()
})
afterAll(async () => {
  await worker.stop({ timeout: 0 })
  await broker.stop()
  rmSync(folder, { recursive: true, force: true })
})

async function causeOf(handle: { result(): Promise<unknown> }): Promise<Error> {
  const error: unknown = await handle.result().then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  expect(error).toBeInstanceOf(TaskFailedError)
  return (error as TaskFailedError).cause as Error
}

describe.each([
  ['thread', thread],
  ['process', child],
] as const)('a task with isolate: %s', (kind, tasks) => {
  it('runs elsewhere and gives its value back as what it was', async () => {
    expect(await (await tasks.add.kiq(2, 3)).result()).toBe(5)
    const rich = await tasks.rich.kiq(new Date(5), 2n ** 70n)
    expect(await rich.result()).toEqual([new Date(5), 2n ** 70n])
    expect(await (await tasks.nothing.kiq()).result()).toBeUndefined()
    const pid = await (await tasks.pid.kiq()).result()
    expect(pid === process.pid).toBe(kind === 'thread')
  })

  it('is a step of a workflow, but cannot put others in its place: the error says where to', async () => {
    expect(await (await tasks.add.si(2, 3).kiq()).result()).toBe(5)
    for (const task of [tasks.expands, tasks.replaced]) {
      const cause = await causeOf(await task.si().kiq())
      expect(cause.message).toMatch(/ctx\.(expand|replace): .*in the step behind it/)
    }
  })

  it('takes locks, keeps steps and waits for rates by way of its worker', async () => {
    expect(await (await tasks.holds.kiq()).result()).toEqual({
      first: 1,
      made: false,
      own: true,
      token: true,
      locked: true,
      waited: 0,
      unknown: true,
      released: true,
      twice: true,
    })
    await using taken = await broker.lock('taken')
    expect((await (await tasks.skips.kiq()).waitResult()).status).toBe('cancelled')
    await taken.release()
    expect(await (await tasks.skips.kiq()).result()).toBe('ran')
    // It is given back with the end of the run.
    await using again = await broker.lock('taken', { wait: 0 })
    expect(again.token).toBeGreaterThan(taken.token)
  })

  it('parses its input and binds its arguments there', async () => {
    expect(await (await tasks.parsed.kiq({ n: '41' })).result()).toBe(42)
    const named = broker.remoteTask<[number, number], number>({
      name: `${kind}.named`,
      params: ['b', 'a'],
    })
    expect(await (await named.kiq(1, 10)).result()).toBe(9)
  })

  it('has dependencies, a context, progress and a bound logger inside', async () => {
    const handle = await tasks.context.kicker().withLabels({ tenant: 'acme' }).kiq(7)
    expect(await handle.result()).toMatchObject({
      taskId: handle.taskId,
      taskName: `${kind}.context`,
      queue: 'default',
      attempt: 1,
      redeliveries: 0,
      labels: { tenant: 'acme' },
      args: ['7'],
      input: true,
      at: new Date(0),
      aborted: false,
    })
    expect(await handle.progress()).toEqual({ state: 'halfway', meta: { n: 7 } })
    const mine = lines.filter(({ fields }) => fields['id'] === handle.taskId)
    const bound = { task: `${kind}.context`, id: handle.taskId, attempt: 1 }
    expect(mine).toMatchObject([
      { level: 'info', message: 'from inside', fields: bound },
      { level: 'warn', message: 'plain', fields: { ...bound, n: 7 } },
    ])
  })

  it('gives errors back as data, with stack and cause', async () => {
    const cause = await causeOf(await tasks.fails.kiq())
    expect(cause).toMatchObject({ name: 'RangeError', message: 'outer' })
    expect(cause.stack).toContain('isolated-tasks')
    expect(cause.cause).toMatchObject({ name: 'TypeError', message: 'inner' })
  })

  it('steers the worker from inside: retry, reject, NonRetryableError', async () => {
    expect(await (await tasks.retries.kiq()).result()).toBe(3)
    expect(await causeOf(await tasks.hopeless.kiq())).toMatchObject({ message: 'no use' })
    for (const [task, reason] of [
      [tasks.rejects, /not for me/],
      [tasks.picky, /the provider says no/],
    ] as const) {
      const error: unknown = await (await task.kiq()).result().catch((thrown: unknown) => thrown)
      expect(error).toBeInstanceOf(TaskDeadError)
      expect(error).toMatchObject({ reason: 'rejected', message: expect.stringMatching(reason) })
    }
    expect(await causeOf(await tasks.commits.kiq())).toMatchObject({ code: 'UNSUPPORTED' })
  })

  it('survives a handler that ends it: a failed run, under the retry policy', async () => {
    expect(await (await tasks.exits.kiq(2)).result()).toBe(2)
    const cause = await causeOf(await tasks.exits.kiq(9))
    expect(cause.message).toBe(`the isolated ${kind} of task '${kind}.exits' died (exit code 3).`)
    const rejection = await causeOf(await tasks.rejection.kiq())
    expect(rejection.message).toMatch(kind === 'thread' ? /nobody looks/ : /exit code 1/)
  })

  it('is killed at its timeout though it blocks its loop, and is not stuck', async () => {
    const before = worker.counts.stuck
    const cause = await causeOf(await tasks.blocks.kiq())
    expect(cause).toMatchObject({ name: 'TaskTimeoutError' })
    expect(worker.counts.stuck).toBe(before)
    expect(await (await tasks.add.kiq(1, 1)).result()).toBe(2)
  })

  it('is killed by a cancel', async () => {
    const handle = await tasks.waits.kiq()
    await vi.waitFor(async () => expect(await handle.progress()).not.toBeNull(), 20_000)
    expect(await handle.cancel('enough')).toBe(true)
    await expect(handle.result()).rejects.toBeInstanceOf(TaskCancelledError)
  })

  it('is killed and given back at the end of a shutdown', async () => {
    const other = createWorker(broker, { queues: ['apart'], grace: '20s' })
    await other.start()
    const handle = await tasks.waits.kicker().withQueue('apart').kiq()
    await vi.waitFor(async () => expect(await handle.progress()).not.toBeNull(), 20_000)
    await other.stop({ timeout: 0 })
    expect(await handle.status()).toBe('queued')
    expect(await handle.cancel()).toBe(true)
  })

  it('fails at once with a value that cannot travel', async () => {
    for (const task of [tasks.unclonable, tasks.instance]) {
      const cause = await causeOf(await task.kiq())
      expect(cause).toMatchObject({
        name: 'NonRetryableError',
        message: expect.stringMatching(/^the result of task '.*' cannot be stored: /),
      })
    }
    expect(await (await tasks.metas.kiq()).result()).toMatch(/could not be cloned/)
  })

  it('refuses to send through a transport that ends with it', async () => {
    expect(await (await tasks.sends.kiq()).result()).toMatch(/UnsupportedError: an isolated task/)
  })

  it('sends its children with their parent', async () => {
    const file = join(folder, `${kind}.db`)
    const handle = await tasks.sendsTo.kiq(file)
    expect(await handle.result()).toBeUndefined()
    await using shared = createBroker({ transport: `sqlite:${file}`, logger: silentLogger })
    await shared.start()
    const [sent] = await shared.inspector.peek('default', { limit: 1 })
    expect(runtimeOf(shared).codec.decodeMessage(sent?.body ?? '')).toMatchObject({
      task: 'far',
      labels: { tw_parent: handle.taskId, tw_root: handle.taskId },
    })
  })
})

describe('an isolated process', () => {
  it('takes what its handler started with it', async () => {
    const file = join(folder, 'pid')
    const handle = await spawns.kiq(file)
    await vi.waitFor(() => expect(existsSync(file)).toBe(true), 20_000)
    const pid = Number(readFileSync(file, 'utf8'))
    process.kill(pid, 0)
    await handle.cancel()
    await vi.waitFor(() => expect(() => process.kill(pid, 0)).toThrow(/ESRCH/), 20_000)
  })

  it('leaves signals of the terminal to its worker', async () => {
    expect(await (await signalled.kiq()).result()).toBe(true)
  })
})

it('fails at once when the task is not exported, and says what to write', async () => {
  const cause = await causeOf(await sendHidden())
  expect(cause.message).toMatch(
    /'thread.hidden' is isolated, so .*isolated-tasks.ts must export it/,
  )
})
