import { randomBytes, randomUUID } from 'node:crypto'
import { Hono } from 'hono'
import * as z from 'zod'
import type { Workshop } from '../pipelines/workshop.ts'

const newRoom = z.object({
  name: z.string().regex(/^[\w-]{1,60}$/),
  user_id: z.string().default('anonymous'),
  zulip_auto_post: z.boolean().default(false),
  zulip_stream: z.string().default(''),
  zulip_topic: z.string().default(''),
  webhook_url: z.url().optional(),
  webhook_secret: z.string().optional(),
  ics_url: z.url().optional(),
  ics_fetch_interval: z.int().min(30).default(300),
})

/** `/v1/rooms`: the rooms, and what people in their meetings consent to. */
export function roomRoutes({ db, now }: Workshop): Hono {
  return new Hono()
    .get('/', async (context) =>
      context.json({ rooms: await db.selectFrom('room').selectAll().execute() }),
    )
    .post('/', async (context) => {
      const given = newRoom.parse(await context.req.json())
      const secret = given.webhook_url === undefined ? null : randomBytes(32).toString('base64url')
      const room = await db
        .insertInto('room')
        .values({
          id: randomUUID(),
          ...given,
          zulip_auto_post: given.zulip_auto_post ? 1 : 0,
          webhook_secret: given.webhook_secret ?? secret,
          ics_enabled: given.ics_url === undefined ? 0 : 1,
        })
        .returningAll()
        .executeTakeFirstOrThrow()
      return context.json(room, 201)
    })
    .post('/meetings/:id/consent', async (context) => {
      const form = z.object({ consent_given: z.boolean(), user_id: z.string().optional() })
      const { consent_given, user_id = null } = form.parse(await context.req.json())
      await db
        .insertInto('meeting_consent')
        .values({
          id: randomUUID(),
          meeting_id: context.req.param('id'),
          user_id,
          consent_given: consent_given ? 1 : 0,
          consent_timestamp: now().toISOString(),
        })
        .execute()
      return context.json({ status: 'ok' }, 201)
    })
}
