// calls.ts
import { z } from 'zod'
import { broker } from './broker.ts'

export const count = broker.remoteTask({
  name: 'pages.count',
  queue: 'py',
  input: z.object({ document: z.string(), limit: z.number().optional() }),
  output: z.number(),
})
// const pages = await (await count.kiq({ document: 'a.pdf' })).result({ timeout: '1m' })
export {}
