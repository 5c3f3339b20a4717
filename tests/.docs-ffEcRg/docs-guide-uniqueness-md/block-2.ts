import { createBroker } from 'taskwright'

const broker = createBroker('memory:')
export const refresh = broker.task(
  { name: 'feed.refresh', throttle: { key: (feed: string) => feed, every: '1m' } },
  async (feed: string) => feed,
)
await broker.stop()
export {}
