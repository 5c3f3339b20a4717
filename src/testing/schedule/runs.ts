import assert from 'node:assert/strict'
import type { Fire } from '../../core/fire-ledger.ts'
import { runOfMessage } from '../../core/node-id.ts'
import type { OpenTransport } from '../../core/vendor.ts'
import type { TransportBehaviour, TransportHarness } from '../transport/harness.ts'
import { look, succeeded } from '../transport/verbs.ts'
import { end, headOf, task } from '../workflow/verbs.ts'

/** An adopted plan, and the fires of its slots: whole seconds after a moment in the past. */
async function planned(harness: TransportHarness): Promise<{
  readonly open: OpenTransport
  readonly fire: (step: number, more?: Partial<Fire>) => Promise<string | undefined>
  readonly id: (step: number) => string
}> {
  const open = await harness.open()
  const { ledger } = open
  assert.ok(ledger && open.workflows)
  const plan = harness.id()
  const mark = Math.floor(harness.now()) - 100_000
  await ledger.adopt([{ id: plan, print: 'p', mark, anchor: mark }])
  const ids = new Map<number, string>()
  const id = (step: number): string => {
    const known = ids.get(step) ?? harness.id()
    ids.set(step, known)
    return known
  }
  return {
    open,
    id,
    async fire(step, more = {}) {
      const envelope = { id: id(step), queue: harness.queue, priority: 4, body: `start ${step}` }
      const slot = mark + step * 1000
      const fire = { id: plan, slot, envelope, missed: 0, overlap: 'skip', ...more } as const
      return (await ledger.fire([fire]))[0]
    },
  }
}

function runOf(id: string): string {
  const run = runOfMessage(id)
  assert.ok(run, 'the ids of this harness are not 32 hex characters')
  return run
}

/** Does what the message of a plan is there for: starts the run of one step, and ends. */
async function start(harness: TransportHarness, open: OpenTransport, id: string): Promise<void> {
  const [held] = await look(harness, open.transport)
  assert.equal(held?.id, id)
  const run = runOf(id)
  const nodes = [task(harness, 0), end(1, [0])]
  await open.workflows?.put(run, nodes)
  await open.workflows?.seal(run, headOf(nodes))
  await open.transport.settle([{ claim: held, outcome: succeeded }])
}

/** Ends the one step of a run. */
async function finish(harness: TransportHarness, open: OpenTransport, run: string): Promise<void> {
  const [step] = await look(harness, open.transport)
  assert.ok(step)
  await open.transport.settle([
    { claim: step, outcome: succeeded, node: { run, ord: 0, gen: 0, verdict: 'ok' } },
  ])
  while ((await open.workflows?.pump(run))?.more === true);
}

/** Overlap of plans whose messages start runs of workflows. */
export const plannedRunBehaviours: readonly TransportBehaviour[] = [
  {
    name: 'overlap of runs: a message has not ended before the run that it started has',
    needs: 'workflows',
    async run(harness) {
      const { open, fire, id } = await planned(harness)
      assert.equal(await fire(1), 'fired')
      assert.equal(await fire(2), 'skipped')
      await start(harness, open, id(1))
      assert.equal(await fire(3), 'skipped')
      await finish(harness, open, runOf(id(1)))
      assert.equal(await fire(4), 'fired')
    },
  },
  {
    name: 'overlap of runs: queue-one is released by the end of the run',
    needs: 'workflows',
    async run(harness) {
      const { open, fire, id } = await planned(harness)
      const one = { overlap: 'queue-one' } as const
      assert.equal(await fire(1, one), 'fired')
      await start(harness, open, id(1))
      assert.equal(await fire(2, one), 'waits')
      assert.equal(await fire(2, { ...one, release: true }), 'waits')
      await open.workflows?.control(runOf(id(1)), { kind: 'cancel', reason: 'enough' })
      assert.equal(await fire(2, { ...one, release: true }), 'fired')
    },
  },
  {
    name: 'overlap of runs: a run that nobody finished sending holds nothing up',
    needs: 'workflows',
    async run(harness) {
      const { open, fire, id } = await planned(harness)
      assert.equal(await fire(1), 'fired')
      await open.workflows?.put(runOf(id(1)), [task(harness, 0)])
      assert.equal(await fire(2), 'skipped', 'its message waits')
      const [held] = await look(harness, open.transport)
      assert.ok(held)
      await open.transport.settle([
        { claim: held, outcome: { kind: 'setAside', reason: 'failed', detail: 'x' } },
      ])
      assert.equal(await fire(3), 'fired')
    },
  },
  {
    name: 'overlap of runs: a run that is resumed is going again',
    needs: 'workflows',
    async run(harness) {
      const { open, fire, id } = await planned(harness)
      await fire(1)
      await start(harness, open, id(1))
      const run = runOf(id(1))
      await open.workflows?.control(run, { kind: 'cancel', reason: 'enough' })
      await open.workflows?.control(run, { kind: 'resume', expected: 0 })
      assert.equal(await fire(2), 'skipped')
    },
  },
]
