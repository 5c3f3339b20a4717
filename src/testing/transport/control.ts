import assert from 'node:assert/strict'
import type { ControlChannel } from '../../core/control-channel.ts'
import type { TransportBehaviour, TransportHarness } from './harness.ts'

async function channelOf(harness: TransportHarness): Promise<ControlChannel> {
  const { control } = await harness.open()
  assert.ok(control, 'this engine says that it has a control channel, and has none')
  return control
}

const wait = 20_000

/** The control channel: messages to running workers, and settings that they follow. */
export const controlBehaviours: readonly TransportBehaviour[] = [
  {
    name: 'control: everybody who listens hears a message, and all answers come back',
    needs: 'control',
    async run(harness) {
      const [a, b, c] = [
        await channelOf(harness),
        await channelOf(harness),
        await channelOf(harness),
      ]
      const heard: unknown[] = []
      const stops = [
        await a.listen((message) => {
          heard.push(message)
          return { worker: 'a', body: { n: 1 } }
        }),
        await b.listen(() => ({ worker: 'b', body: [2] })),
        await b.listen(() => ({ worker: 'b2', body: null })),
      ]
      const message = { kind: 'scale', concurrency: 5, workers: ['a'] } as const
      const answers = await c.broadcast(message, { wait })
      assert.deepEqual(heard, [message])
      assert.deepEqual(
        [...answers].sort((x, y) => (x.worker < y.worker ? -1 : 1)),
        [
          { worker: 'a', body: { n: 1 } },
          { worker: 'b', body: [2] },
          { worker: 'b2', body: null },
        ],
      )
      for (const stop of stops) await stop()
    },
  },
  {
    name: 'control: who has nothing to say, or does not listen any more, is not waited for',
    needs: 'control',
    async run(harness) {
      const [a, b] = [await channelOf(harness), await channelOf(harness)]
      assert.deepEqual(await a.broadcast({ kind: 'ping' }, { wait }), [])
      const first = await a.listen(() => ({ worker: 'a', body: 1 }))
      const second = await b.listen(() => undefined)
      await first()
      assert.deepEqual(await b.broadcast({ kind: 'ping' }, { wait }), [])
      await second()
      assert.deepEqual(await a.broadcast({ kind: 'ping' }, { wait }), [])
    },
  },
  {
    name: 'control: settings are seen by all, and stay until they are removed',
    needs: 'control',
    async run(harness) {
      const [a, b] = [await channelOf(harness), await channelOf(harness)]
      assert.deepEqual(await a.settings(), new Map())
      await a.set({ one: '1', two: '' })
      await b.set({ three: '3', one: null })
      const seen = await a.settings()
      assert.deepEqual([seen.size, seen.get('two'), seen.get('three')], [2, '', '3'])
      await a.set({ two: null, three: 'x' })
      assert.deepEqual(await b.settings(), new Map([['three', 'x']]))
    },
  },
]
