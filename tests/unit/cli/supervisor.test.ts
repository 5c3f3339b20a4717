import { describe, expect, it } from 'vitest'
import type {
  ChildEnd,
  ChildLink,
  ChildMessage,
  ParentMessage,
  WorkerFacts,
  WorkerPlan,
} from '../../../src/cli/child-protocol.ts'
import { Supervisor } from '../../../src/cli/supervisor.ts'
import { logTo } from '../../../src/core/logger.ts'
import { seededRandom } from '../../../src/core/random.ts'
import { fakeClock } from './fake-clock.ts'

const plan: WorkerPlan = {
  target: 'broker.ts:broker',
  modules: [],
  discover: undefined,
  scheduler: undefined,
  name: undefined,
  concurrency: 1,
  prefetch: 1,
  queues: undefined,
  strict: undefined,
  ack: 'late',
  lease: undefined,
  redeliveries: undefined,
  maxTasks: undefined,
  shutdownTimeout: 30_000,
  logLevel: 'info',
  logFormat: 'pretty',
}
const facts: WorkerFacts = { name: 'w', engine: 'memory', queues: ['default'], tasks: [] }

class FakeChild implements ChildLink {
  readonly pid: number
  readonly received: ParentMessage[] = []
  killed = false
  #heard: (message: ChildMessage) => void = () => {}
  #ended: (end: ChildEnd) => void = () => {}

  constructor(pid: number) {
    this.pid = pid
  }

  send(message: ParentMessage): void {
    this.received.push(message)
  }

  kill(): void {
    this.killed = true
  }

  onMessage(listener: (message: ChildMessage) => void): void {
    this.#heard = listener
  }

  onEnd(listener: (end: ChildEnd) => void): void {
    this.#ended = listener
  }

  says(message: ChildMessage): void {
    this.#heard(message)
  }

  ready(): void {
    this.says({ kind: 'ready', facts })
  }

  ends(code: number | null = 0, signal: string | null = null): void {
    this.#ended({ code, signal })
  }

  get kinds(): string[] {
    return this.received.map(({ kind }) => kind)
  }
}

function supervise(options: { workers?: number; maxMemory?: number; reload?: boolean } = {}) {
  const clock = fakeClock()
  const children: FakeChild[] = []
  const lines: string[] = []
  const banners: WorkerFacts[] = []
  const supervisor = new Supervisor({
    plan,
    workers: options.workers ?? 1,
    maxMemory: options.maxMemory,
    reload: options.reload ?? false,
    fork: () => {
      const child = new FakeChild(children.length + 100)
      children.push(child)
      return child
    },
    clock,
    random: seededRandom(1),
    logger: logTo((level, message) => lines.push(`${level}: ${message}`)),
    onReady: (found) => banners.push(found),
  })
  let code: number | undefined
  const ended = supervisor.run().then((found) => (code = found))
  return {
    clock,
    children,
    lines,
    banners,
    supervisor,
    ended,
    get code() {
      return code
    },
    child(index: number): FakeChild {
      const child = children[index]
      if (child === undefined) throw new Error(`there is no child ${index}`)
      return child
    },
  }
}

/** Lets promises that are settled go on. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe('starting', () => {
  it('starts the children with their number and the plan, and introduces the first that is ready', () => {
    const run = supervise({ workers: 2 })
    const { children, banners } = run
    expect(children.map(({ received }) => received[0])).toEqual([
      { kind: 'start', slot: 1, plan },
      { kind: 'start', slot: 2, plan },
    ])
    run.child(1).ready()
    run.child(0).ready()
    expect(banners).toEqual([facts])
  })

  it('stops at once, saying it once, when modules do not load at the first start', async () => {
    const run = supervise({ workers: 3 })
    for (const child of run.children)
      child.says({ kind: 'failed', phase: 'load', message: 'bad line' })
    for (const child of run.children) child.ends(1)
    expect(await run.ended).toBe(1)
    expect(run.lines.filter((line) => line === 'error: bad line')).toHaveLength(1)
    expect(run.children).toHaveLength(3)
  })

  it('tries again when the store fails, and gives up after five equal failures in a row', async () => {
    const run = supervise()
    for (let i = 0; i < 5; i++) {
      run.child(i).says({ kind: 'failed', phase: 'start', message: 'StoreError: busy' })
      run.child(i).ends(1)
      run.clock.advance(30_000)
    }
    expect(await run.ended).toBe(1)
    expect(run.children).toHaveLength(5)
    expect(run.lines.at(-1)).toBe('error: StoreError: busy\nIt failed 5 times in a row: stopping.')
  })

  it('does not give up while the reasons differ', () => {
    const run = supervise()
    for (let i = 0; i < 12; i++) {
      run.child(i).says({ kind: 'failed', phase: 'start', message: `StoreError: ${i % 2}` })
      run.child(i).ends(1)
      run.clock.advance(30_000)
    }
    expect(run.code).toBeUndefined()
    expect(run.children).toHaveLength(13)
  })

  it('restarts a process that could not even be forked', () => {
    const run = supervise()
    run.child(0).ends(null, null)
    expect(run.lines.at(-1)).toContain('it could not be started')
    run.clock.advance(200)
    expect(run.children).toHaveLength(2)
  })
})

describe('a child that dies', () => {
  it('is restarted after a delay that doubles, and is short again after a healthy life', () => {
    const run = supervise()
    const delays: number[] = []
    for (let i = 0; i < 6; i++) {
      run.child(i).ready()
      run.child(i).ends(null, 'SIGKILL')
      let waited = 0
      while (run.children.length === i + 1 && waited < 60_000) {
        run.clock.advance(1)
        waited++
      }
      delays.push(waited)
    }
    for (const [i, delay] of delays.entries()) {
      expect(delay).toBeGreaterThanOrEqual(100 * 2 ** i)
      expect(delay).toBeLessThanOrEqual(200 * 2 ** i)
    }
    run.child(6).ready()
    run.clock.advance(30_000)
    run.child(6).ends(1)
    run.clock.advance(200)
    expect(run.children).toHaveLength(8)
    expect(run.lines.join('\n')).toContain('died: SIGKILL (out of memory?); it is started again in')
    expect(run.lines.join('\n')).toContain('died: exit code 1; it is started again in')
  })

  it('is not restarted once the whole drains', async () => {
    const run = supervise()
    run.child(0).ready()
    run.child(0).ends(1)
    run.supervisor.drain('SIGTERM')
    expect(await run.ended).toBe(0)
    run.clock.advance(60_000)
    expect(run.children).toHaveLength(1)
  })
})

describe('stopping', () => {
  it('drains all and ends with the last', async () => {
    const run = supervise({ workers: 2 })
    for (const child of run.children) child.ready()
    run.supervisor.drain('SIGTERM')
    expect(run.child(0).received.at(-1)).toEqual({
      kind: 'drain',
      patience: 30_000,
      reason: 'SIGTERM',
    })
    run.child(0).ends(0)
    await turn()
    expect(run.code).toBeUndefined()
    run.child(1).ends(0)
    expect(await run.ended).toBe(0)
  })

  it('aborts at the second signal and kills at the third', async () => {
    const run = supervise()
    run.child(0).ready()
    run.supervisor.drain('SIGTERM')
    run.supervisor.abort()
    expect(run.child(0).kinds).toEqual(['start', 'drain', 'abort'])
    run.supervisor.kill()
    expect(run.child(0).killed).toBe(true)
    expect(await run.ended).toBe(130)
  })

  it('kills a child that is over its time and silent, but not one that still speaks', () => {
    const run = supervise({ workers: 2 })
    for (const child of run.children) child.ready()
    run.supervisor.drain('SIGTERM')
    for (let i = 0; i < 50; i++) {
      run.clock.advance(1000)
      run.child(0).says({ kind: 'pulse', rss: 1, running: 1 })
    }
    expect(run.child(0).killed).toBe(false)
    expect(run.child(1).killed).toBe(true)
    expect(run.lines).toContain('error: is blocked by a task and is killed')
  })
})

describe('replacing', () => {
  it('makes a new child at once for one that has had its share, and lets the old one finish', () => {
    const run = supervise()
    run.child(0).ready()
    run.child(0).says({ kind: 'leaving' })
    expect(run.children).toHaveLength(2)
    run.child(0).ends(0)
    run.clock.advance(60_000)
    expect(run.children).toHaveLength(2)
    expect(run.code).toBeUndefined()
  })

  it('asks a child that has grown too large to drain, without a limit, once', () => {
    const run = supervise({ maxMemory: 100 })
    run.child(0).ready()
    run.child(0).says({ kind: 'pulse', rss: 100, running: 0 })
    expect(run.children).toHaveLength(1)
    run.child(0).says({ kind: 'pulse', rss: 101, running: 0 })
    run.child(0).says({ kind: 'pulse', rss: 101, running: 0 })
    expect(run.child(0).received.slice(1)).toEqual([{ kind: 'drain', reason: 'memory' }])
    expect(run.children).toHaveLength(2)
  })

  it('goes one by one: the next is drained when the last is ready', async () => {
    const run = supervise({ workers: 2 })
    for (const child of run.children) child.ready()
    const done = run.supervisor.restartOneByOne()
    await turn()
    expect(run.child(0).kinds).toEqual(['start', 'drain'])
    run.child(0).ends(0)
    await turn()
    expect(run.children).toHaveLength(3)
    expect(run.child(1).kinds).toEqual(['start'])
    run.child(2).ready()
    await turn()
    expect(run.child(1).kinds).toEqual(['start', 'drain'])
    run.child(1).ends(0)
    await turn()
    run.child(3).ready()
    await done
    expect(run.code).toBeUndefined()
  })

  it('stops half way when it is told to stop', async () => {
    const run = supervise({ workers: 2 })
    for (const child of run.children) child.ready()
    const done = run.supervisor.restartOneByOne()
    await turn()
    run.supervisor.drain('SIGTERM')
    for (const child of run.children) child.ends(0)
    await done
    expect(await run.ended).toBe(0)
    expect(run.children).toHaveLength(2)
  })

  it('with reload waits for a change when modules do not load, then starts anew', async () => {
    const run = supervise({ workers: 2, reload: true })
    for (const child of run.children) {
      child.says({ kind: 'failed', phase: 'load', message: 'bad line' })
      child.ends(1)
    }
    run.clock.advance(60_000)
    expect(run.children).toHaveLength(2)
    expect(run.lines.filter((line) => line.startsWith('error'))).toEqual([
      'error: bad line\nWaiting for a change.',
    ])
    void run.supervisor.restartAll()
    await turn()
    expect(run.children).toHaveLength(4)
    expect(run.code).toBeUndefined()
  })
})
