import { describe, expect, it } from 'vitest'
import { lazyVendor, type LazyVendor } from '../../../src/broker/lazy-vendor.ts'
import { silentLogger } from '../../../src/core/logger.ts'
import { seededRandom } from '../../../src/core/random.ts'
import type { TransportCapabilities } from '../../../src/core/transport.ts'
import type { OpenTransport } from '../../../src/core/vendor.ts'
import { memoryTransport } from '../../../src/memory/memory-transport.ts'
import { ManualClock } from '../../../src/testing/manual-clock.ts'
import { thrownBy } from './stage.ts'

const surroundings = { clock: new ManualClock(), random: seededRandom(1), logger: silentLogger }
const inner = memoryTransport()
const { capabilities } = inner.create(surroundings).transport

function newVendor(more: Partial<LazyVendor> & { opened?: Partial<OpenTransport> } = {}) {
  const state = { loads: 0, fails: 0 }
  const { opened, ...rest } = more
  const factory = lazyVendor({
    name: 'lazy',
    capabilities,
    async load() {
      state.loads++
      if (state.fails-- > 0) throw new Error('no such package')
      return { ...inner, create: (around) => ({ ...inner.create(around), ...opened }) }
    },
    ...rest,
  })
  return { ...factory.create(surroundings), state, factory }
}

describe('a vendor that is loaded when its broker starts', () => {
  it('is loaded once, by transport and results alike', async () => {
    const { transport, results, inspector, state, factory } = newVendor({ where: 'here' })
    expect(factory).toMatchObject({ kind: 'transport', name: 'lazy', where: 'here' })
    expect([transport.name, results.name]).toEqual(['lazy', 'lazy'])
    expect([transport.store, results.store]).toEqual(['lazy: not started', 'lazy: not started'])
    expect(state.loads).toBe(0)
    await Promise.all([transport.start(), results.start()])
    expect(state.loads).toBe(1)
    expect(transport.store).toBe(results.store)
    const envelope = { id: 'a', queue: 'q', priority: 4, body: '' }
    expect(await transport.send([envelope])).toEqual(['stored'])
    expect(await inspector!.queues()).toMatchObject([{ queued: 1 }])
    expect(await results.get(['a'])).toEqual([null])
    const keeper = transport.keepLeases({
      lease: 1000,
      every: 300,
      stallLimit: 1000,
      onLost: () => {},
      onCancelled: () => {},
      onError: () => {},
    })
    await keeper.stop()
    await Promise.all([transport.stop(), results.stop()])
  })

  it('is loaded again when it could not be', async () => {
    const { transport, state } = newVendor()
    state.fails = 1
    await expect(transport.start()).rejects.toThrow('no such package')
    await transport.start()
    expect(state.loads).toBe(2)
  })

  it('refuses calls before it is started, and may be stopped then', async () => {
    const { transport, results, transactions } = newVendor()
    expect(await thrownBy(transport.send([]))).toMatchObject({ code: 'NOT_STARTED' })
    expect(await thrownBy(results.get([]))).toMatchObject({ code: 'NOT_STARTED' })
    expect(transactions).toBeUndefined()
    await Promise.all([transport.stop(), results.stop()])
  })

  it('hands transactions on as they run: at once', async () => {
    const able: TransportCapabilities = { ...capabilities, transactions: true }
    const calls: unknown[] = []
    const own = {
      sendWithin: (...args: unknown[]) => {
        calls.push(args)
        return ['stored' as const]
      },
      settleWithin: () => {},
      announce: () => {},
    }
    const { transport, transactions } = newVendor({
      capabilities: able,
      opened: { transactions: own },
    })
    expect(() => transactions!.announce()).toThrow(/not started/)
    await transport.start()
    expect(transactions!.sendWithin('tx', [])).toEqual(['stored'])
    expect(calls).toEqual([['tx', []]])
    const without = newVendor({ capabilities: able, opened: { inspector: undefined } })
    await without.transport.start()
    expect(() => without.transactions!.announce()).toThrow(/has no such part/)
    expect(await thrownBy(without.inspector!.queues())).toMatchObject({ code: 'NOT_STARTED' })
  })
})
