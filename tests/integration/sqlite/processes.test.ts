import { spawn, type ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'
import type { OpenTransport } from '../../../src/core/vendor.ts'
import { look, message, useSqliteFolder } from './sqlite-fixture.ts'

const sqlite = useSqliteFolder()
const script = fileURLToPath(new URL('./process.mjs', import.meta.url))
const running = new Set<Child>()

/** A process of process.mjs and the lines that it has said. */
class Child {
  readonly lines: string[] = []
  readonly ended: Promise<number | null>
  readonly #process: ChildProcess
  readonly #heard = new Set<() => void>()

  constructor(...args: string[]) {
    this.#process = spawn(process.execPath, [script, ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    running.add(this)
    const lines = createInterface({ input: this.#process.stdout! })
    lines.on('line', (line) => {
      this.lines.push(line)
      for (const heard of this.#heard) heard()
    })
    this.ended = new Promise((resolve) => {
      this.#process.on('close', (code) => {
        running.delete(this)
        resolve(code)
      })
    })
  }

  kill(signal: NodeJS.Signals): Promise<number | null> {
    this.#process.kill(signal)
    return this.ended
  }

  /** What follows `word` in each line that begins with it. */
  said(word: string): string[] {
    return this.lines
      .filter((line) => line.startsWith(`${word} `))
      .map((line) => line.slice(word.length + 1))
  }

  /** Until what it has said meets a condition. */
  async until(met: (child: Child) => boolean): Promise<void> {
    if (met(this)) return
    await new Promise<void>((resolve, reject) => {
      const look = (): void => {
        if (!met(this)) return
        this.#heard.delete(look)
        resolve()
      }
      this.#heard.add(look)
      void this.ended.then(() => reject(new Error(`the process ended: ${this.lines.join(', ')}`)))
    })
  }
}

afterEach(async () => {
  await Promise.all([...running].map((child) => child.kill('SIGKILL')))
})

const isReady = (child: Child): boolean => child.lines.includes('ready')

/** Fails unless SQLite finds nothing wrong. */
function expectIntact(): void {
  expect(sqlite.handle().prepare('PRAGMA integrity_check').get()).toMatchObject({
    integrity_check: 'ok',
  })
}

/** How many of these ids have a result, wait in the queue, or both. */
async function whereabouts(open: OpenTransport, ids: readonly string[]) {
  const results = await open.results.get(ids)
  const states = (await open.inspector?.states(ids)) ?? []
  const of = (wanted: (i: number) => boolean): number => ids.filter((_, i) => wanted(i)).length
  return {
    done: of((i) => results[i] !== null && states[i] === null),
    queued: of((i) => results[i] === null && states[i] !== null),
    both: of((i) => results[i] !== null && states[i] !== null),
    lost: of((i) => results[i] === null && states[i] === null),
  }
}

describe('several processes on one SQLite file', () => {
  it('lose nothing and do nothing twice over SIGKILLs of senders and workers', async () => {
    const open = await sqlite.open()
    const sent = Array.from({ length: 4000 }, () => message())
    const sender = new Child('send', sqlite.file, '100000')
    const workers = [new Child('drain', sqlite.file), new Child('drain', sqlite.file)]
    const all = [...workers]
    for (let i = 0; i < sent.length; i += 100) await open.transport.send(sent.slice(i, i + 100))
    for (let kills = 0; kills < 4; kills++) {
      const victim = workers[kills % 2]!
      await victim.until((child) => child.said('done').length >= 100)
      await victim.kill('SIGKILL')
      const next = new Child('drain', sqlite.file)
      workers[kills % 2] = next
      all.push(next)
    }
    await sender.until((child) => child.said('sent').length >= 200)
    await sender.kill('SIGKILL')
    const ids = [...sent.map(({ id }) => id), ...sender.said('sent')]
    const doneByWorkers = all.flatMap((child) => child.said('done'))
    expect(new Set(doneByWorkers).size).toBe(doneByWorkers.length)
    // The workers take the killed ones' messages when their leases have ended, and end the rest.
    for (;;) {
      const news = workers.map((worker) => anyNews(worker))
      const [counts] = (await open.inspector?.queues()) ?? []
      if (counts === undefined || counts.queued + counts.running === 0) break
      await Promise.race(workers.map((worker, i) => worker.until(news[i]!)))
    }
    expect(await whereabouts(open, ids)).toEqual({ done: ids.length, queued: 0, both: 0, lost: 0 })
    await Promise.all(workers.map((worker) => worker.kill('SIGTERM')))
    expectIntact()
  })

  it('share the work of one file, each message once', async () => {
    const open = await sqlite.open()
    const workers = Array.from({ length: 4 }, () => new Child('drain', sqlite.file))
    await Promise.all(workers.map((worker) => worker.until(isReady)))
    const sent = Array.from({ length: 2000 }, () => message())
    for (let i = 0; i < sent.length; i += 50) await open.transport.send(sent.slice(i, i + 50))
    const all = (): string[] => workers.flatMap((worker) => worker.said('done'))
    while (all().length < sent.length) {
      await Promise.race(workers.map((worker) => worker.until(anyNews(worker))))
    }
    expect(all().sort()).toEqual(sent.map(({ id }) => id).sort())
    expect(await Promise.all(workers.map((worker) => worker.kill('SIGTERM')))).toEqual([0, 0, 0, 0])
    expectIntact()
  })

  it('wake each other: a message is taken and its result heard long before a poll', async () => {
    const open = await sqlite.open()
    const echo = new Child('echo', sqlite.file)
    await echo.until(isReady)
    const times: number[] = []
    for (let i = 0; i < 9; i++) {
      const sent = message()
      const begun = performance.now()
      const answer = open.results.wait(sent.id, { signal: AbortSignal.timeout(20_000) })
      await open.transport.send([sent])
      expect(await answer).toBe('echo')
      times.push(performance.now() - begun)
    }
    times.sort((a, b) => a - b)
    // Polls alone would take half a second each way in the mean.
    expect(times[4]).toBeLessThan(250)
  })

  it('are told of a cancellation before the next renewal', async () => {
    const [holder, other] = [await sqlite.open({ thread: true }), await sqlite.open()]
    const told = new Promise<string>((resolve) => {
      const keeper = holder.transport.keepLeases({
        lease: 60_000,
        every: 20_000,
        stallLimit: 60_000,
        onLost: () => {},
        onError: () => {},
        onCancelled: (_, reason) => resolve(reason),
      })
      void other.transport
        .send([message()])
        .then(() => look(holder.transport))
        .then((held) => {
          keeper.keep(held)
          return other.transport.cancel(
            held.map(({ id }) => id),
            { reason: 'superseded', lease: 1000 },
          )
        })
    })
    expect(await told).toBe('superseded')
  })

  it.each(['open', 'leave'])('end by themselves (%s)', async (verb) => {
    const child = new Child(verb, sqlite.file)
    expect(await child.ended).toBe(0)
    expect(child.lines).toContain('ready')
  })
})

/** Met when more was said than now. */
function anyNews({ lines }: Child): (child: Child) => boolean {
  const before = lines.length
  return (child) => child.lines.length > before
}
