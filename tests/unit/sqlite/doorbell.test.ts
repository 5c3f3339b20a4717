import { mkdtempSync, rmSync } from 'node:fs'
import { EventEmitter } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { systemClock } from '../../../src/core/clock.ts'
import { Doorbell, type BellTopic, type DoorbellOptions } from '../../../src/sqlite/doorbell.ts'
import { pollVersion } from '../../../src/sqlite/version-poll.ts'
import { ManualClock } from '../../../src/testing/index.ts'

let folder: string
let bells: Doorbell[]

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'taskwright-bell-'))
  bells = []
})
afterEach(() => {
  for (const bell of bells) bell.close()
  rmSync(folder, { recursive: true })
})

function bell(options: Partial<DoorbellOptions> = {}): Doorbell {
  const made = new Doorbell({
    file: join(folder, 'tasks.db'),
    clock: systemClock,
    onRing: () => {},
    onUnheard: () => {},
    ...options,
  })
  bells.push(made)
  return made
}

/** A watch that hears nothing. */
const deaf: DoorbellOptions['watch'] = () => Object.assign(new EventEmitter(), { close: () => {} })

describe('Doorbell', () => {
  it('is heard by another one, by topic', async () => {
    const heard: BellTopic[] = []
    let wake = (): void => {}
    const onRing = (topic: BellTopic): void => {
      heard.push(topic)
      wake()
    }
    const listener = bell({ onRing })
    const next = (): Promise<void> => new Promise((resolve) => (wake = resolve))
    listener.listen('work')
    await next()
    heard.length = 0
    bell().ring('results')
    bell().ring('work')
    await next()
    expect(new Set(heard)).toEqual(new Set(['work']))
  })

  it('tells when a watch hears nothing of its own trial', async () => {
    const clock = new ManualClock()
    const onUnheard = vi.fn<(reason: string) => void>()
    bell({ clock, onUnheard, watch: deaf }).listen('work')
    await clock.advance(999)
    expect(onUnheard).not.toHaveBeenCalled()
    await clock.advance(1)
    expect(onUnheard).toHaveBeenCalledOnce()
  })

  it('tells when no watch can be opened', () => {
    const onUnheard = vi.fn<(reason: string) => void>()
    const none = (): never => {
      throw new Error('ENOSPC: no watches left')
    }
    const listener = bell({ onUnheard, watch: none })
    listener.listen('work')
    listener.listen('results')
    expect(onUnheard).toHaveBeenCalledOnce()
    expect(onUnheard.mock.calls[0]?.[0]).toMatch(/no watches left/)
  })

  it('rings at most once a millisecond, and the last ring is not lost', async () => {
    const clock = new ManualClock()
    const ringer = bell({ clock })
    const pendingAfter = (ring: () => void): number => {
      ring()
      return clock.pending
    }
    expect(pendingAfter(() => ringer.ring('work'))).toBe(0)
    expect(pendingAfter(() => ringer.ring('work'))).toBe(1)
    expect(pendingAfter(() => ringer.ring('work'))).toBe(1)
    await clock.advance(1)
    expect(clock.pending).toBe(0)
  })
})

describe('pollVersion', () => {
  it('calls when the version changes, and goes on after an error', async () => {
    const clock = new ManualClock()
    let version: () => number = () => 1
    const onChange = vi.fn<() => void>()
    const stop = pollVersion(clock, async () => version(), onChange)
    await clock.advance(60)
    expect(onChange).not.toHaveBeenCalled()
    version = () => 2
    await clock.advance(20)
    expect(onChange).toHaveBeenCalledOnce()
    version = () => {
      throw new Error('away')
    }
    await clock.advance(40)
    version = () => 2
    await clock.advance(40)
    version = () => 3
    await clock.advance(20)
    expect(onChange).toHaveBeenCalledTimes(2)
    stop()
    expect(clock.pending).toBe(0)
  })
})
