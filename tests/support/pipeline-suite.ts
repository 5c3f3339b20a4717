import { afterEach, expect, it } from 'vitest'
import {
  createBroker,
  createWorker,
  Pipeline,
  silentLogger,
  type TransportFactory,
} from '../../src/index.ts'

let stops: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const stop of stops.reverse()) await stop()
  stops = []
})

async function stage(transport: string | TransportFactory) {
  const broker = createBroker({ transport, logger: silentLogger })
  const worker = createWorker(broker, { concurrency: 4 })
  let runs = 0
  const tasks = {
    list: broker.task('list', async (n: number) => Array.from({ length: n }, (_, i) => i)),
    double: broker.task('double', async (n: number) => n * 2),
    isEven: broker.task('isEven', async (n: number) => n % 2 === 0),
    sum: broker.task('sum', async (ns: number[]) => ns.reduce((a, b) => a + b, 0)),
    add: broker.task({ name: 'add', params: ['n', 'by'] }, async (n: number, by: number) => n + by),
    odd: broker.task('odd', async (n: number) => {
      if (n % 2 === 0) throw new Error(`${n} is even`)
      return n
    }),
    flaky: broker.task({ name: 'flaky', retry: { max: 2, backoff: 1 } }, async (n: number) => {
      if (++runs < 3) throw new Error('not yet')
      return n
    }),
  }
  await worker.start()
  stops.push(
    () => broker.stop(),
    () => worker.stop(),
  )
  return { broker, runs: () => runs, ...tasks }
}

/** TaskIQ's pipelines with workers of ours, on whichever transport. */
export function pipelineSuite(transport: () => string | TransportFactory): void {
  it('calls one task after the other, with the result or without', async () => {
    const { broker, double, add } = await stage(transport())
    const handle = await new Pipeline(broker, double).callNext(add, 5).callNext(double).kiq(2)
    expect(await handle.result()).toBe(18)
    expect(await (await new Pipeline(broker, double).callAfter(add, 1, 2).kiq(9)).result()).toBe(3)
  })

  it('maps and filters, and holds no slot while it waits', async () => {
    const { broker, list, double, isEven, sum } = await stage(transport())
    const steps = new Pipeline(broker, list).filter(isEven).map(double).callNext(sum)
    expect(await (await steps.kiq(6)).result()).toBe(12)
    expect(await (await new Pipeline(broker, list).map(double).kiq(0)).result()).toEqual([])
  })

  it('fails as a whole, or leaves out what failed', async () => {
    const { broker, list, odd, sum } = await stage(transport())
    const strict = await new Pipeline(broker, list).map(odd).callNext(sum).kiq(3)
    await expect(strict.result()).rejects.toThrow(/item 0 .* is even/)
    const lenient = new Pipeline(broker, list).map(odd, { skipErrors: true }).callNext(sum)
    expect(await (await lenient.kiq(6)).result()).toBe(9)
    const early = await new Pipeline(broker, odd).callNext(odd).callNext(odd).kiq(2)
    await expect(early.result()).rejects.toThrow('2 is even')
  })

  it('fails only after the last retry', async () => {
    const { broker, flaky, runs } = await stage(transport())
    const handle = await new Pipeline(broker, flaky).callNext(flaky).kiq(7)
    expect(await handle.result()).toBe(7)
    expect(runs()).toBe(4)
  })

  it('fails where there is no list to go through', async () => {
    const { broker, double } = await stage(transport())
    const no = broker.task('no', async () => 5 as unknown as number[])
    const handle = await new Pipeline(broker, no).map(double).kiq()
    await expect(handle.result()).rejects.toThrow(/no list to go through/)
  })

  it('says what it cannot take', async () => {
    const { broker, double, sum } = await stage(transport())
    const two = broker.task('two', async (n: number, by: number) => n + by)
    expect(() => new Pipeline(broker, double).callNext(two, 1)).toThrow(/give task 'two' `params`/)
    expect(() => new Pipeline(broker, double.s(1) as never)).toThrow(/not its signature/)
    expect(sum.name).toBe('sum')
  })
}
