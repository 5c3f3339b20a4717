import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { StoreError } from '../../../src/core/errors.ts'
import type { LeaseKeeperOptions } from '../../../src/core/transport.ts'
import { look, message, succeeded, useSqliteFolder } from './sqlite-fixture.ts'

const sqlite = useSqliteFolder()
const mortal = fileURLToPath(new URL('./mortal-driver.mjs', import.meta.url))

const quiet: LeaseKeeperOptions = {
  lease: 600,
  every: 150,
  stallLimit: 300,
  onLost: () => {},
  onCancelled: () => {},
  onError: () => {},
}

describe('the database thread', () => {
  it('fails what it had in hand when it dies, and a new one takes its place and its claims', async () => {
    const { transport } = await sqlite.open({ thread: true, driver: mortal })
    await transport.send([message(), message()])
    const [first, second] = await look(transport)
    if (first === undefined || second === undefined) throw new Error('nothing was received')
    const failed: unknown = await transport.send([message({ body: 'die' })]).then(
      () => undefined,
      (error: unknown) => error,
    )
    expect(failed).toBeInstanceOf(StoreError)
    expect(failed).toMatchObject({ transient: true })
    expect(String(failed)).toMatch(/the database thread .* ended/)
    expect(await transport.settle([succeeded(first)])).toEqual(['settled'])
    const recovered = await transport.recover([], 30_000)
    expect(recovered.map(({ id }) => id)).toEqual([second.id])
  })

  it('goes on renewing leases after it died', async () => {
    const { transport } = await sqlite.open({ thread: true, driver: mortal })
    await transport.send([message()])
    const held = await look(transport)
    const keeper = transport.keepLeases({ ...quiet, stallLimit: 10_000 })
    keeper.keep(held)
    await transport.send([message({ body: 'die' })]).catch(() => {})
    // The claim was for 30 seconds; whoever renews it now makes it 600 ms.
    await until(() => leaseEnd() < Date.now() + 5000)
    const renewed = leaseEnd()
    await until(() => leaseEnd() > renewed)
    await keeper.stop()
  })

  it('says so when its library cannot be loaded', async () => {
    const { transport } = sqlite.create({ thread: true, driver: 'no-such-sqlite' })
    await expect(transport.start()).rejects.toThrow(/'no-such-sqlite' could not be loaded/)
  })
})

describe.each([
  { name: 'the database thread', thread: true },
  { name: 'a thread beside the database on main', thread: false },
])('leases kept by $name', ({ thread }) => {
  it('are renewed while the loop is blocked, but not beyond the stall limit', async () => {
    const { transport } = await sqlite.open({ thread })
    await transport.send([message()])
    const held = await look(transport)
    const patient = transport.keepLeases({ ...quiet, stallLimit: 60_000 })
    patient.keep(held)
    const first = leaseEnd()
    await until(() => leaseEnd() !== first)
    block(1500)
    expect(leaseEnd()).toBeGreaterThan(Date.now())
    await patient.stop()
    const strict = transport.keepLeases(quiet)
    strict.keep(held)
    const second = leaseEnd()
    await until(() => leaseEnd() !== second)
    block(1500)
    expect(leaseEnd()).toBeLessThan(Date.now())
    // The loop turns again: what nobody took meanwhile is renewed.
    await until(() => leaseEnd() > Date.now())
    await strict.stop()
  })
})

/** When the lease of the one message ends, read by a connection of the test's own. */
function leaseEnd(): number {
  const db = sqlite.handle()
  const row = db.prepare('SELECT at FROM tw_message ORDER BY seq').get() as { at: number }
  db.close()
  return row.at
}

/** The event loop does nothing. */
function block(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}

async function until(met: () => boolean): Promise<void> {
  while (!met()) await new Promise((resolve) => setImmediate(resolve))
}
