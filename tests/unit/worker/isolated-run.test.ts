import { describe, expect, it } from 'vitest'
import type { RegisteredTask } from '../../../src/broker/registry.ts'
import type { TaskContext } from '../../../src/core/context.ts'
import type { FromIsolated, ToIsolated } from '../../../src/worker/isolate-messages.ts'
import type { IsolatedLine } from '../../../src/worker/isolated-line.ts'
import { runIsolated } from '../../../src/worker/isolated-run.ts'
import { recording, thrownBy, turns } from '../broker/stage.ts'
import { stage } from './stage.ts'

function newRun(options: { file?: string | undefined; send?: (message: ToIsolated) => void } = {}) {
  const { runtime } = stage()
  const controller = new AbortController()
  const { logger, lines } = recording()
  const progress: unknown[] = []
  const sent: ToIsolated[] = []
  const state = { kills: 0, opened: 0 }
  let tell: (message: FromIsolated) => void = () => {}
  let end: (how: string) => void = () => {}
  const line: IsolatedLine = {
    send: (message) => {
      options.send?.(message)
      sent.push(message)
    },
    onMessage: (handle) => (tell = handle),
    onEnd: (handle) => (end = handle),
    kill: () => state.kills++,
  }
  const task = {
    name: 't',
    isolate: 'thread',
    definedAt: 'file' in options ? options.file : { file: '/t.ts', line: 1 },
  } as unknown as RegisteredTask
  const context = {
    signal: controller.signal,
    logger,
    queue: 'q',
    attempt: 2,
    redeliveries: 1,
    progress: async (name: string, meta: unknown) => {
      if (name === 'refused') throw new Error('lost')
      progress.push([name, meta])
    },
  } as unknown as TaskContext
  const message = { id: 'm', task: 't', args: [1], kwargs: {}, labels: {} }
  const result = runIsolated({ runtime, task, message, context }, () => {
    state.opened++
    return line
  })
  result.catch(() => {})
  return {
    result,
    controller,
    sent,
    state,
    lines,
    progress,
    message,
    tell: (one: FromIsolated) => tell(one),
    end: (how: string) => end(how),
  }
}

describe('an isolated run', () => {
  it('is told what to run and gives back what it is told', async () => {
    const { result, sent, tell, state, message } = newRun()
    expect(sent).toEqual([
      {
        kind: 'call',
        file: '/t.ts',
        message,
        queue: 'q',
        attempt: 2,
        redeliveries: 1,
        lineage: true,
        plain: true,
      },
    ])
    tell({ kind: 'value', value: 5 })
    expect(await result).toBe(5)
    expect(state.kills).toBe(1)
  })

  it('keeps progress and log lines while it runs', async () => {
    const { tell, sent, progress, lines, result } = newRun()
    tell({ kind: 'log', level: 'warn', message: 'hm', fields: { a: 1 } })
    tell({ kind: 'ask', call: 1, ask: { what: 'progress', state: 'half', meta: { n: 1 } } })
    tell({ kind: 'ask', call: 2, ask: { what: 'progress', state: 'refused', meta: null } })
    await turns()
    expect(lines).toEqual([{ level: 'warn', message: 'hm', fields: { a: 1 } }])
    expect(progress).toEqual([['half', { n: 1 }]])
    expect(sent.slice(1)).toMatchObject([
      { kind: 'answer', call: 1 },
      { kind: 'answer', call: 2, error: { data: { message: 'lost' } } },
    ])
    tell({ kind: 'value', value: undefined })
    expect(await result).toBeUndefined()
  })

  it.each([
    [
      { name: 'E', message: 'm', code: 'RETRY_REQUESTED' },
      { code: 'RETRY_REQUESTED', delay: 9 },
    ],
    [
      { name: 'E', message: 'no', code: 'TASK_REJECTED' },
      { code: 'TASK_REJECTED', message: 'no' },
    ],
    [
      { name: 'E', message: 'm', code: 'NON_RETRYABLE', stack: 'at far', cause: { name: 'C', message: 'c' } }, // prettier-ignore
      { code: 'NON_RETRYABLE', stack: 'at far', cause: { name: 'C' } },
    ],
    [
      { name: 'RangeError', message: 'm', code: 'ENOENT' },
      { name: 'RangeError', code: 'ENOENT' },
    ],
  ])('throws %j as what it was', async (error, expected) => {
    const { result, tell } = newRun()
    tell({ kind: 'error', error, retryDelay: 9 })
    expect(await thrownBy(result)).toMatchObject(expected)
  })

  it('fails when its thread or process dies', async () => {
    const { result, end } = newRun()
    end('SIGSEGV')
    end('again')
    expect(await thrownBy(result)).toMatchObject({
      message: "the isolated thread of task 't' died (SIGSEGV).",
    })
  })

  it('is killed when it is interrupted, and not begun when it was before', async () => {
    const { controller, state, end, result } = newRun()
    controller.abort(new Error('late'))
    expect(state.kills).toBe(1)
    end('SIGKILL')
    await thrownBy(result)
    const before = new AbortController()
    before.abort(new Error('cancelled'))
    const { runtime } = stage()
    const never = (): never => {
      throw new Error('opened')
    }
    const run = runIsolated(
      {
        runtime,
        task: { definedAt: { file: 'x' } } as RegisteredTask,
        message: { id: 'm', task: 't', args: [], kwargs: {}, labels: {} },
        context: { signal: before.signal } as TaskContext,
      },
      never,
    )
    expect(await thrownBy(run)).toMatchObject({ message: 'cancelled' })
  })

  it('leaves no thread behind when its call cannot be sent', async () => {
    const { result, state } = newRun({
      send: () => {
        throw new Error('DataCloneError')
      },
    })
    expect(await thrownBy(result)).toMatchObject({ message: 'DataCloneError' })
    expect(state.kills).toBe(1)
  })

  it('cannot be when its module is not known', async () => {
    const { result, state } = newRun({ file: undefined })
    expect(await thrownBy(result)).toMatchObject({ code: 'UNSUPPORTED' })
    expect(state.opened).toBe(0)
  })
})
