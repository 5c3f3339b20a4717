import { Hono } from 'hono'
import * as z from 'zod'
import type { Faults } from './faults.ts'
import type { Journal } from './journal.ts'
import type { ZulipServer } from './zulip-server.ts'

const fault = z.object({
  service: z.string(),
  path: z.string().optional(),
  body: z.string().optional(),
  times: z.union([z.int().min(1), z.literal('always')]).optional(),
  does: z.union([
    z.object({
      status: z.int().min(200).max(599),
      headers: z.record(z.string(), z.string()).default({}),
      text: z.string().default('planned to fail'),
    }),
    z.object({ delay: z.number().min(0) }),
    z.object({ hang: z.literal(true) }),
    z.object({ reset: z.literal(true) }),
  ]),
})

/** The stand-ins' back door: plans troubles and reads the journal, from another process. */
export function control(of: { journal: Journal; faults: Faults; zulip: ZulipServer }): Hono {
  const { journal, faults, zulip } = of
  return new Hono()
    .post('/faults', async (context) => {
      faults.plan(fault.parse(await context.req.json()))
      return context.body(null, 204)
    })
    .delete('/faults', (context) => {
      faults.clear()
      return context.body(null, 204)
    })
    .get('/zulip', (context) => context.json({ messages: [...zulip.messages.values()] }))
    .get('/journal', (context) => {
      const { service, path } = context.req.query()
      const visits = service === undefined ? journal.visits : journal.of(service, path)
      return context.json({ visits })
    })
}
