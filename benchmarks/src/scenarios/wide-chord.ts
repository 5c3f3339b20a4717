import { lastOf, nameOf, onFreshStore, type Line, type Scenario } from '../scenario.ts'

const serve = { kind: 'serve', concurrency: 100, prefetch: 100 } as const

/** Whether a wide chord costs in proportion to its width, and holds nobody up. */
export const wideChord: Scenario = {
  name: 'wide',
  title:
    'One wide chord, whose body reads all results: sent by one process until every step is in its queue (CPU per step, ' +
    'bytes of the store per step), then run by another (rate, CPU); the longest command of the store in all',
  onRequest: true,
  lines: (size) =>
    [10_000, 100_000].map((full): Line => {
      const tasks = size(full)
      return {
        label: `chord of ${full.toLocaleString('en')}`,
        concurrency: serve.concurrency,
        prefetch: serve.prefetch,
        results: true,
        tasks,
        shown: ['sendClient', 'sendStore', 'bytesPerTask', 'slowestMs', 'over5Ms'],
        takesPart: ({ peer, engine }) => peer === 'taskwright' && engine.shared,
        run: (bench, contender) =>
          onFreshStore(bench, contender, async (place) => {
            const { engine } = contender
            const subject = nameOf(contender, place, true)
            const slow = await engine.watchSlow?.(place)
            const sent = lastOf(await bench.children.run(subject, [{ kind: 'spread', tasks }]))
            const bytes = (await engine.storedBytes?.(place)) ?? Number.NaN
            const [ended] = await bench.children.run(subject, [serve, { kind: 'gather', tasks }])
            if (ended === undefined) throw new Error('a report is missing')
            return {
              perSecond: tasks / ended.seconds,
              client: ended.client,
              store: ended.store,
              facts: {
                sendClient: sent.client,
                sendStore: sent.store,
                bytesPerTask: bytes / tasks,
                ...(await slow?.()),
              },
            }
          }),
      }
    }),
}
