import { Hono } from 'hono'
import * as z from 'zod'
import { isSignedWith } from '../outside/webhook-signature.ts'
import type { Workshop } from '../pipelines/workshop.ts'

const told = z.object({
  type: z.string(),
  data: z.object({ meetingId: z.string().optional(), numClients: z.int().optional() }),
})

/** `/v1/whereby`: Whereby tells who comes and goes. What is not signed, or signed a minute ago, is refused. */
export function wherebyRoute({ db, settings }: Workshop): Hono {
  return new Hono().post('/', async (context) => {
    const secret = settings.WHEREBY_WEBHOOK_SECRET
    if (secret === undefined) return context.json({ error: 'webhooks are not set up' }, 501)
    const body = await context.req.text()
    const signature = context.req.header('whereby-signature') ?? ''
    // Against the time of the world, not of a test: it is Whereby that signs.
    if (!isSignedWith(secret, { signature, body, now: Date.now(), maxAge: 60 }))
      return context.json({ error: 'the signature is wrong' }, 401)
    const { type, data } = told.parse(JSON.parse(body))
    if (/^room\.client\.(joined|left)$/.test(type) && data.meetingId !== undefined)
      await db
        .updateTable('meeting')
        .set({ num_clients: data.numClients ?? 0 })
        .where('id', '=', data.meetingId)
        .execute()
    return context.json({ status: 'ok' })
  })
}
