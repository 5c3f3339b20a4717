import { createBroker } from 'taskwright'

const broker = createBroker('memory:')
export const reindex = broker.task(
  { name: 'search.reindex', debounce: { key: (id: string) => id, wait: '5s', most: '1m' } },
  async (id: string) => id,
)
await broker.stop()
export {}
