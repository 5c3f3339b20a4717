import { createBroker } from 'taskwright'

export const broker = createBroker('memory:')
export const render = broker.task(
  { name: 'render', isolate: 'process', timeout: '10m' }, // or 'thread'
  async (page: string) => page.length,
)
await broker.stop()
export {}
